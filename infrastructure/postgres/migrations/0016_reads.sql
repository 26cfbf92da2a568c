-- Who read what: a row a day, account and thing read, kept for a year. Outside the log, because it is to be forgotten.
SET LOCAL ROLE taizhang_owner;

CREATE TABLE access.reads (
    day date NOT NULL,
    account text COLLATE "C" NOT NULL,
    what text COLLATE "C" NOT NULL CHECK (octet_length(what) BETWEEN 1 AND 400),
    times bigint NOT NULL CHECK (times > 0),
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (day, account, what)
);
CREATE INDEX reads_last_at ON access.reads (last_at DESC);
CREATE INDEX reads_what ON access.reads (what, day DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON access.reads TO taizhang_writer;
