-- The keys of persons, outside the log: when one is destroyed, the name is gone and the log stays as it is.
SET LOCAL ROLE taizhang_owner;

CREATE SCHEMA vault;
GRANT USAGE ON SCHEMA vault TO taizhang_writer, taizhang_reader;

-- A destroyed key leaves a row behind, so that none is ever made again; vacuum soon clears away what was deleted.
CREATE TABLE vault.person_keys (
    person text COLLATE "C" PRIMARY KEY,
    wrapped bytea CHECK (octet_length(wrapped) = 60),
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX person_keys_erased ON vault.person_keys (erased_at) WHERE erased_at IS NOT NULL;

COMMENT ON COLUMN vault.person_keys.wrapped IS 'Nonce, key and tag of AES-256-GCM; null once the person is erased.';

CREATE FUNCTION vault.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'an erased person stays erased' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER erased_for_ever BEFORE UPDATE OR DELETE ON vault.person_keys
    FOR EACH ROW WHEN (old.erased_at IS NOT NULL) EXECUTE FUNCTION vault.refuse();

GRANT SELECT, INSERT, DELETE ON vault.person_keys TO taizhang_writer;
GRANT SELECT ON vault.person_keys TO taizhang_reader;
