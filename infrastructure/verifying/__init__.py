"""Re-reading the whole ledger, and everything derived from it."""
