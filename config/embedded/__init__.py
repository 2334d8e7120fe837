"""Private servers for development: PostgreSQL and Valkey from wheels, started and stopped by the project itself (Linux)."""
