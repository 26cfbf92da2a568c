-- A writer that others keep overtaking may take the turn first, and then read, judge and append in one transaction.
SET LOCAL ROLE taizhang_owner;

CREATE FUNCTION ledger.take_turn() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    LOCK TABLE ledger.turn IN EXCLUSIVE MODE;
END
$$;

REVOKE ALL ON FUNCTION ledger.take_turn FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.take_turn TO taizhang_writer;
