"""The views in PostgreSQL: followed from the log, searched, rebuilt beside the live ones, and checked."""
