"""The ledger's secrets: its signing key, the keys of persons, and how names are sealed under them."""
