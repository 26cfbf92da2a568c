-- Four roles, each with as little as it needs. They are the server's, not the database's: another database of the same
-- server may have made them already, or may be making them now.
DO $$
DECLARE
    role_name text;
    membership text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['taizhang_owner', 'taizhang_writer', 'taizhang_projector', 'taizhang_reader'] LOOP
        IF to_regrole(role_name) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, role_name, membership) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'the database is encoded in %, entries are UTF-8', getdatabaseencoding();
    END IF;
END
$$;
