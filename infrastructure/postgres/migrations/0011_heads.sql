-- The ledger's own record gets an entry a minute for ever, of which the last alone counts: these find it, and the others.
SET LOCAL ROLE taizhang_owner;

CREATE INDEX log_heads_sealed ON ledger.log (position) WHERE name = 'HeadsSealed/1';
CREATE INDEX log_of_ledger ON ledger.log (position) WHERE record = 'ledger/ledger' AND name <> 'HeadsSealed/1';
