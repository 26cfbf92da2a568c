-- What opens an account besides its API keys: passwords, sessions of browsers, subjects of an identity provider.
-- Outside the log, because all of it must be forgotten in the end.
SET LOCAL ROLE taizhang_owner;

CREATE SCHEMA access;
GRANT USAGE ON SCHEMA access TO taizhang_writer;

CREATE TABLE access.passwords (
    account text COLLATE "C" PRIMARY KEY,
    hash text COLLATE "C" NOT NULL CHECK (hash LIKE '$argon2id$%'),
    chosen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE access.sessions (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    account text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_account ON access.sessions (account);
CREATE INDEX sessions_expires_at ON access.sessions (expires_at);

CREATE TABLE access.subjects (
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON access.passwords, access.subjects TO taizhang_writer;
GRANT SELECT, INSERT, DELETE ON access.sessions TO taizhang_writer;
