#!/bin/sh
# What the MLflow server needs before its first start: secrets as files of mode 0600, two databases and their owner.
#
#   One command   RCFLAB_MLFLOW_SECRETS=~/.rcflab-mlflow PGHOST=127.0.0.1 PGUSER=postgres cluster/mlflow/prepare.sh
#   Size, cost    under a second, some kB; the empty databases are 15 MB each
#   Leaves        nothing running; run again it changes nothing, but puts the password of the file into the database
#
# PGHOST, PGPORT, PGUSER and so on tell psql who may make roles and databases. With DATABASES=no only the files are made;
# `prepare.sh sql` prints what psql would be told, for another user of the machine who may make databases.
# To rotate the database's password: remove database_password and pgpass, run this again, restart the server.
set -eu
umask 077

secrets=${RCFLAB_MLFLOW_SECRETS:?name a folder for the secrets, say ~/.rcflab-mlflow}

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

make_secrets() {
    mkdir -p "$secrets"
    chmod 700 "$secrets"
    for name in flask_secret_key admin_password database_password; do
        [ -s "$secrets/$name" ] || random > "$secrets/$name"
    done
    if [ ! -s "$secrets/pgpass" ]; then
        printf '*:*:*:rcflab_mlflow:%s\n' "$(cat "$secrets/database_password")" > "$secrets/pgpass"
    fi
    if [ ! -s "$secrets/aws_credentials" ]; then
        # Keys that open nothing elsewhere: the object store of compose.yaml learns them, any other brings its own.
        printf '[default]\naws_access_key_id = rcflab\naws_secret_access_key = %s\n' "$(random)" \
            > "$secrets/aws_credentials"
        echo "prepare.sh: new keys in $secrets/aws_credentials; where the bucket is another's, put his keys there" >&2
    fi
    find "$secrets" -type f -exec chmod 600 {} +
}

# The password goes to psql by a pipe and stays out of the server's log; arguments could be listed by other users.
sql() {
    cat <<SQL
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT 'CREATE ROLE rcflab_mlflow LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rcflab_mlflow') \\gexec
ALTER ROLE rcflab_mlflow PASSWORD '$(cat "$secrets/database_password")';
SELECT format('CREATE DATABASE %I OWNER rcflab_mlflow ENCODING ''UTF8'' TEMPLATE template0', name)
    FROM unnest(ARRAY['rcflab_mlflow', 'rcflab_mlflow_auth']) AS name
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \\gexec
REVOKE ALL ON DATABASE rcflab_mlflow, rcflab_mlflow_auth FROM PUBLIC;
SQL
}

if [ "${1:-}" = sql ]; then
    sql
    exit
fi
make_secrets
[ "${DATABASES:-yes}" = no ] ||
    sql | psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --dbname "${PGDATABASE:-postgres}"
