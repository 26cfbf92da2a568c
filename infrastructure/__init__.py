"""PostgreSQL, keys and files behind the ports of the application."""
