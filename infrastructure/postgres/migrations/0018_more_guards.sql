-- The tree, the attachments and the guards change their shape by a migration only, as the log does (0005). Who drops the
-- guards isn't seen by them, but by verify. Where no superuser migrates there are no event triggers.
DO $guards$
BEGIN
    IF to_regnamespace('guards') IS NULL THEN
        RETURN;
    END IF;

    CREATE FUNCTION guards.is_guarded(schema_name text, identity text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$
        SELECT coalesce(schema_name IN ('ledger', 'tree', 'attachments', 'guards'), false)
            OR coalesce(identity ~ '(^| on )(ledger|tree|attachments|guards)($|\.)', false)
    $$;
    -- By the catalogue: to_regclass asks for rights on the schema, which not everyone has who makes a table elsewhere.
    CREATE FUNCTION guards.is_whole() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT count(*) = 6
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE (n.nspname, c.relname) IN (
            ('ledger', 'log'), ('ledger', 'refs'), ('tree', 'tiles'), ('tree', 'checkpoints'), ('tree', 'cosignatures'),
            ('attachments', 'files')
        )
    $$;
    GRANT USAGE ON SCHEMA guards TO PUBLIC;

    CREATE OR REPLACE FUNCTION guards.refuse_alteration() RETURNS event_trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
        IF current_setting('taizhang.migrating', true) = 'on' THEN
            RETURN;
        END IF;
        IF NOT guards.is_whole() OR EXISTS (
            SELECT FROM pg_event_trigger_ddl_commands() AS c WHERE guards.is_guarded(c.schema_name, c.object_identity)
        ) THEN
            RAISE EXCEPTION '%: the ledger changes by a migration only', tg_tag USING ERRCODE = 'insufficient_privilege';
        END IF;
    END
    $$;
    CREATE OR REPLACE FUNCTION guards.refuse_removal() RETURNS event_trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
        IF current_setting('taizhang.migrating', true) = 'on' THEN
            RETURN;
        END IF;
        IF EXISTS (
            SELECT FROM pg_event_trigger_dropped_objects() AS d WHERE guards.is_guarded(d.schema_name, d.object_identity)
        ) THEN
            RAISE EXCEPTION '%: the ledger changes by a migration only', tg_tag USING ERRCODE = 'insufficient_privilege';
        END IF;
    END
    $$;
END
$guards$;
