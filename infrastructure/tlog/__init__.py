"""The published tree: sealed, kept, witnessed."""
