#!/bin/sh
# Runs once, when the database's folder is made: the owner role (POSTGRES_USER) migrates, veriset_app runs the service.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$APP_PASSWORD" <<'SQL'
CREATE ROLE veriset_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON TABLES TO veriset_app;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO veriset_app;
SQL
