"""Measures, side by side with others, how fast the ledger records and answers."""
