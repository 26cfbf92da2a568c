"""The composition root, the HTTP interface and the command line."""
