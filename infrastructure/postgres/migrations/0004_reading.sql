-- Where a reader may stop.
SET LOCAL ROLE taizhang_owner;

CREATE FUNCTION ledger.whole("position" bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (SELECT l.position FROM ledger.log AS l WHERE l.position <= $1 AND l.closes ORDER BY l.position DESC LIMIT 1), 0
    )
$$;

-- The greatest position recorded at or before the instant, final: no later entry can get a recorded_at at or before it.
-- Null where the instant is past both the clock and the last entry.
CREATE FUNCTION ledger.resolve(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    future boolean := false;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'resolve needs READ COMMITTED to see what was committed while it waited'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT EXISTS (SELECT FROM ledger.head AS h WHERE h.recorded_at >= instant) THEN
        BEGIN
            LOCK TABLE ledger.turn IN SHARE MODE;  -- waits for the commit in flight
            IF NOT EXISTS (SELECT FROM ledger.head AS h WHERE h.recorded_at >= instant) THEN
                future := instant > clock_timestamp();
                WHILE NOT future AND instant >= clock_timestamp() LOOP
                    NULL;
                END LOOP;
            END IF;
            RAISE SQLSTATE 'TZ001';
        EXCEPTION WHEN SQLSTATE 'TZ001' THEN
            NULL;  -- what was locked in this block is free again: a reader's open transaction stops no append
        END;
    END IF;
    IF future THEN
        RETURN NULL;
    END IF;
    RETURN coalesce(
        (SELECT l.position FROM ledger.log AS l WHERE l.recorded_at <= instant ORDER BY l.recorded_at DESC LIMIT 1), 0
    );
END
$$;

REVOKE ALL ON FUNCTION ledger.whole, ledger.resolve FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.whole, ledger.resolve TO taizhang_writer, taizhang_projector, taizhang_reader;
