-- The log, and what guards find records by. Text is ordered by code point whatever the database's collation.
SET LOCAL ROLE taizhang_owner;

CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO taizhang_writer, taizhang_projector, taizhang_reader;

CREATE TABLE ledger.log (
    position bigint PRIMARY KEY CHECK (position > 0),
    record text COLLATE "C" NOT NULL,
    version int NOT NULL CHECK (version >= 0),
    name text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    closes boolean NOT NULL,
    idempotency text COLLATE "C",
    entry bytea NOT NULL CHECK (octet_length(entry) <= 65535),
    leaf_hash bytea NOT NULL GENERATED ALWAYS AS (sha256('\x00'::bytea || entry)) STORED,
    CONSTRAINT log_record_version UNIQUE (record, version)
);
CREATE UNIQUE INDEX log_idempotency ON ledger.log (idempotency) WHERE idempotency IS NOT NULL;
CREATE UNIQUE INDEX log_recorded_at ON ledger.log (recorded_at);

COMMENT ON COLUMN ledger.log.entry IS 'Header line and body, written once; the other columns are indexes over it.';
COMMENT ON COLUMN ledger.log.leaf_hash IS 'SHA-256 of 0x00 and the bytes: RFC 6962 section 2.1.';

CREATE TABLE ledger.refs (
    target text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (target, source, position)
);

-- Holds nothing: appends take their turn by its lock, which no other role may take.
CREATE TABLE ledger.turn ();

CREATE VIEW ledger.head AS
    SELECT l.position, l.recorded_at FROM ledger.log AS l ORDER BY l.position DESC LIMIT 1;

GRANT SELECT ON ledger.log, ledger.refs, ledger.head TO taizhang_writer, taizhang_projector, taizhang_reader;
