-- The log only grows, whoever asks. ENABLE ALWAYS: session_replication_role turns ordinary triggers off.
SET LOCAL ROLE taizhang_owner;

CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %.%: the log only grows', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION ledger.refuse FROM PUBLIC;

CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.log
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.refs
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER only_grows;
ALTER TABLE ledger.refs ENABLE ALWAYS TRIGGER only_grows;

-- Only a superuser may make an event trigger; elsewhere the owner's password is what keeps DDL away.
RESET ROLE;
DO $guards$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RETURN;
    END IF;
    CREATE SCHEMA guards;

    CREATE FUNCTION guards.refuse_alteration() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
        IF current_setting('taizhang.migrating', true) = 'on' THEN
            RETURN;
        END IF;
        IF to_regclass('ledger.log') IS NULL OR to_regclass('ledger.refs') IS NULL OR EXISTS (
            SELECT FROM pg_event_trigger_ddl_commands() AS c
            WHERE c.schema_name = 'ledger' OR c.object_identity ~ '(^| on )ledger($|\.)'
        ) THEN
            RAISE EXCEPTION '%: the ledger changes by a migration only', tg_tag USING ERRCODE = 'insufficient_privilege';
        END IF;
    END
    $$;
    CREATE FUNCTION guards.refuse_removal() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
        IF current_setting('taizhang.migrating', true) = 'on' THEN
            RETURN;
        END IF;
        IF EXISTS (
            SELECT FROM pg_event_trigger_dropped_objects() AS d
            WHERE d.schema_name = 'ledger' OR d.object_identity ~ '(^| on )ledger($|\.)'
        ) THEN
            RAISE EXCEPTION '%: the ledger changes by a migration only', tg_tag USING ERRCODE = 'insufficient_privilege';
        END IF;
    END
    $$;
    CREATE EVENT TRIGGER taizhang_alteration ON ddl_command_end EXECUTE FUNCTION guards.refuse_alteration();
    CREATE EVENT TRIGGER taizhang_removal ON sql_drop EXECUTE FUNCTION guards.refuse_removal();
    ALTER EVENT TRIGGER taizhang_alteration ENABLE ALWAYS;
    ALTER EVENT TRIGGER taizhang_removal ENABLE ALWAYS;
END
$guards$;
