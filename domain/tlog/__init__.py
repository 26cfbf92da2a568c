"""透明日志: the tree over the log, and the formats in which others check it (RFC 6962, https://c2sp.org).

Nothing here reads, signs or trusts: hashes and signatures are computed or compared, keys and files are given.
"""
