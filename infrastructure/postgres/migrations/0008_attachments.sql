-- The files that entries name by their digest. The table itself checks it, and like the log it only grows.
SET LOCAL ROLE taizhang_owner;

CREATE SCHEMA attachments;
GRANT USAGE ON SCHEMA attachments TO taizhang_writer, taizhang_reader;

CREATE TABLE attachments.files (
    sha256 bytea PRIMARY KEY CHECK (sha256 = pg_catalog.sha256(content)),
    content bytea STORAGE EXTERNAL NOT NULL CHECK (octet_length(content) <= 20971520),  -- mostly compressed already
    stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON attachments.files
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
ALTER TABLE attachments.files ENABLE ALWAYS TRIGGER only_grows;

GRANT SELECT, INSERT (sha256, content) ON attachments.files TO taizhang_writer;
GRANT SELECT ON attachments.files TO taizhang_reader;
