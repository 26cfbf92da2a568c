-- The tree over the log, in tiles, and its checkpoints: written by a role that can do nothing else.
DO $$
BEGIN
    IF to_regrole('taizhang_sealer') IS NULL THEN
        BEGIN
            CREATE ROLE taizhang_sealer LOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'taizhang_sealer',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    THEN
        GRANT taizhang_sealer TO CURRENT_USER;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO taizhang_sealer', current_database());
END
$$;

SET LOCAL ROLE taizhang_owner;

CREATE SCHEMA tree;
GRANT USAGE ON SCHEMA tree TO taizhang_sealer, taizhang_writer, taizhang_reader;
GRANT USAGE ON SCHEMA ledger TO taizhang_sealer;
GRANT SELECT (position, leaf_hash) ON ledger.log TO taizhang_sealer;

-- One row a tile, as wide as it has become; a narrower one is its beginning.
CREATE TABLE tree.tiles (
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    number bigint NOT NULL CHECK (number >= 0),
    hashes bytea STORAGE EXTERNAL NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (level, number)
);

CREATE TABLE tree.checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),
    root_hash bytea NOT NULL CHECK (octet_length(root_hash) = 32),
    note text COLLATE "C"
);
COMMENT ON COLUMN tree.checkpoints.note IS 'As the log signed it (C2SP tlog-checkpoint); null until it is published.';

CREATE TABLE tree.cosignatures (
    size bigint NOT NULL REFERENCES tree.checkpoints,
    witness text COLLATE "C" NOT NULL,
    line text COLLATE "C" NOT NULL,
    PRIMARY KEY (size, witness)
);
COMMENT ON COLUMN tree.cosignatures.witness IS 'The verifier key of the witness.';

CREATE FUNCTION tree.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %.%: the tree only grows', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION tree.refuse FROM PUBLIC;

CREATE TRIGGER only_widens BEFORE UPDATE ON tree.tiles FOR EACH ROW
    WHEN ((new.level, new.number) IS DISTINCT FROM (old.level, old.number)
        OR substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes)
    EXECUTE FUNCTION tree.refuse();
CREATE TRIGGER published_once BEFORE UPDATE ON tree.checkpoints FOR EACH ROW
    WHEN ((new.size, new.root_hash) IS DISTINCT FROM (old.size, old.root_hash) OR old.note IS NOT NULL)
    EXECUTE FUNCTION tree.refuse();
CREATE TRIGGER only_grows BEFORE DELETE OR TRUNCATE ON tree.tiles
    FOR EACH STATEMENT EXECUTE FUNCTION tree.refuse();
CREATE TRIGGER only_grows BEFORE DELETE OR TRUNCATE ON tree.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION tree.refuse();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON tree.cosignatures
    FOR EACH STATEMENT EXECUTE FUNCTION tree.refuse();
ALTER TABLE tree.tiles ENABLE ALWAYS TRIGGER only_widens;
ALTER TABLE tree.tiles ENABLE ALWAYS TRIGGER only_grows;
ALTER TABLE tree.checkpoints ENABLE ALWAYS TRIGGER published_once;
ALTER TABLE tree.checkpoints ENABLE ALWAYS TRIGGER only_grows;
ALTER TABLE tree.cosignatures ENABLE ALWAYS TRIGGER only_grows;

GRANT SELECT, INSERT, UPDATE (hashes) ON tree.tiles TO taizhang_sealer;
GRANT SELECT, INSERT (size, root_hash), UPDATE (note) ON tree.checkpoints TO taizhang_sealer;
GRANT SELECT, INSERT ON tree.cosignatures TO taizhang_sealer;
GRANT SELECT ON tree.tiles, tree.checkpoints, tree.cosignatures TO taizhang_reader;
