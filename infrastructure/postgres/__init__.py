"""The log and the views in PostgreSQL, embedded or any server from 15 on."""
