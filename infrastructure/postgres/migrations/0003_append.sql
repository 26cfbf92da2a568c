-- The only way into the log. One call writes all of its entries or none; positions follow the order of commits without
-- a gap, because the turn is held until the commit is over.
SET LOCAL ROLE taizhang_owner;

CREATE FUNCTION ledger.append(
    expected bigint,
    records text[],
    versions int[],
    names text[],
    headers text[],
    bodies bytea[],
    causes int[],
    closes boolean[],
    idempotency text[],
    ref_items int[],
    ref_targets text[]
) RETURNS TABLE ("position" bigint, entry bytea, leaf_hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    size CONSTANT int := cardinality(records);
    base bigint;
    first timestamptz;
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        RAISE EXCEPTION 'synchronous_commit is off: an answer would not be durable'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF size NOT BETWEEN 1 AND 20000 THEN
        RAISE EXCEPTION 'an append takes 1 to 20000 entries, not %', size USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (cardinality(versions), cardinality(names), cardinality(headers), cardinality(bodies), cardinality(causes),
        cardinality(closes), cardinality(idempotency), cardinality(ref_items))
        IS DISTINCT FROM (size, size, size, size, size, size, size, cardinality(ref_targets))
    THEN
        RAISE EXCEPTION 'the arrays differ in length' USING ERRCODE = 'array_subscript_error';
    END IF;
    IF NOT coalesce(closes[size], false) THEN
        RAISE EXCEPTION 'the last entry must close its transaction' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(causes, headers) WITH ORDINALITY AS i (cause, header, item)
        WHERE cause < 0 OR cause >= item - 1 OR header = '' OR strpos(header, chr(10)) > 0
    ) THEN
        RAISE EXCEPTION 'a cause stands before its consequence, a header is one line of members'
            USING ERRCODE = 'check_violation';
    END IF;
    IF size > 10000 AND EXISTS (
        SELECT FROM (
            SELECT i.item - lag(i.item, 1, 0::bigint) OVER (ORDER BY i.item) AS entries
            FROM unnest(closes) WITH ORDINALITY AS i (closing, item) WHERE i.closing
        ) AS transactions WHERE entries > 10000
    ) THEN
        RAISE EXCEPTION 'a transaction takes at most 10000 entries' USING ERRCODE = 'program_limit_exceeded';
    END IF;

    LOCK TABLE ledger.turn IN EXCLUSIVE MODE;
    -- Each statement here has a snapshot of its own, so this one sees whoever had the turn before.
    SELECT max(h.position), greatest(clock_timestamp(), max(h.recorded_at) + interval '1 microsecond')
        INTO STRICT base, first FROM ledger.head AS h;
    base := coalesce(base, 0);
    IF expected <> base THEN
        RETURN;
    END IF;

    IF cardinality(ref_items) > 0 THEN
        INSERT INTO ledger.refs (target, source, position)
            SELECT r.target, i.record, base + i.item
            FROM unnest(ref_items, ref_targets) AS r (item, target)
            JOIN unnest(records) WITH ORDINALITY AS i (record, item) ON i.item = r.item + 1
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN QUERY
        INSERT INTO ledger.log AS l (position, record, version, name, recorded_at, closes, idempotency, entry)
        SELECT
            base + i.item, i.record, i.version, i.name, i.at, i.closing, i.key,
            convert_to(
                '{"format":"taizhang-entry/1","position":' || base + i.item
                || ',"recorded_at":"' || to_char(i.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                || '","causation":' || coalesce((base + i.cause + 1)::text, 'null')
                || ',' || i.header || '}' || chr(10),
                'UTF8'
            ) || i.body
        FROM (
            SELECT u.*, first + (u.item - 1) * interval '1 microsecond' AS at
            FROM unnest(records, versions, names, headers, bodies, causes, closes, idempotency)
                WITH ORDINALITY AS u (record, version, name, header, body, cause, closing, key, item)
        ) AS i
        RETURNING l.position, l.entry, l.leaf_hash;
    PERFORM pg_notify('ledger', (base + size)::text);
END
$$;

REVOKE ALL ON FUNCTION ledger.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append TO taizhang_writer;
