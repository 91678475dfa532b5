#!/bin/sh
# The MLflow server of rcflab in the foreground: PostgreSQL, artifacts in an object store, a login for everything.
#
#   One command   RCFLAB_MLFLOW_SECRETS=~/.rcflab-mlflow RCFLAB_MLFLOW_ARTIFACTS=s3://BUCKET cluster/mlflow/serve.sh
#   Before it     cluster/mlflow/prepare.sh, once: it makes the secrets and the databases
#   Size, cost    0.4 GB of memory and one more for each worker of RCFLAB_MLFLOW_WORKERS; no GPU
#   Leaves        nothing running after Ctrl-C or SIGTERM; what was tracked is in PostgreSQL and in the bucket
#
# What may be set (the README has a table): RCFLAB_MLFLOW_SECRETS, RCFLAB_MLFLOW_ARTIFACTS, RCFLAB_MLFLOW_HOST,
# RCFLAB_MLFLOW_PORT, RCFLAB_MLFLOW_ALLOWED_HOSTS, RCFLAB_MLFLOW_WORKERS, RCFLAB_MLFLOW_PYTHON, MLFLOW_S3_ENDPOINT_URL,
# and PGHOST, PGPORT, PGUSER, which tell where PostgreSQL is.
set -eu

refuse() {
    echo "serve.sh: $1" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
secrets=${RCFLAB_MLFLOW_SECRETS:?name the folder that prepare.sh has made}
artifacts=${RCFLAB_MLFLOW_ARTIFACTS:?name the bucket for artifacts, say s3://rcflab-artifacts}
python=${RCFLAB_MLFLOW_PYTHON:-python3}
host=${RCFLAB_MLFLOW_HOST:-127.0.0.1}
port=${RCFLAB_MLFLOW_PORT:-5000}
# A name that is not listed gets 403, whoever asks: a page of somebody else cannot speak to a server on loopback by a
# name that it has made to point there. A name counts with its port, as a browser and a client send it.
allowed=${RCFLAB_MLFLOW_ALLOWED_HOSTS:-127.0.0.1:$port,localhost:$port}

case $allowed in
    *"*"*) refuse "RCFLAB_MLFLOW_ALLOWED_HOSTS has a * in it; list the names by which the server is asked" ;;
esac

# A secret that others can read is none: better no server than one that everybody on the machine can log in to.
for name in flask_secret_key pgpass aws_credentials; do
    [ -r "$secrets/$name" ] || refuse "no $secrets/$name that can be read; run prepare.sh as this user"
done
for file in "$secrets"/*; do
    [ -f "$file" ] || continue
    [ -z "$(find -L "$file" -maxdepth 0 -perm /077)" ] || refuse "$file can be read by others; chmod 600 it"
done

# Secrets reach the server by files and its environment, never by arguments, which every user of a machine can list.
MLFLOW_FLASK_SERVER_SECRET_KEY=$(cat "$secrets/flask_secret_key")
export MLFLOW_FLASK_SERVER_SECRET_KEY
# Only the first start needs it: then there is an admin in the database, and the file may go.
if [ -r "$secrets/admin_password" ]; then
    MLFLOW_AUTH_ADMIN_PASSWORD=$(cat "$secrets/admin_password")
    export MLFLOW_AUTH_ADMIN_PASSWORD
fi
export PGPASSFILE="$secrets/pgpass"
export AWS_SHARED_CREDENTIALS_FILE="$secrets/aws_credentials"
export AWS_EC2_METADATA_DISABLED=true  # these credentials or none: not those of the machine
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-us-east-1}"
# A client waits 15 s for an answer: rather a fault that it can tell than silence.
export AWS_MAX_ATTEMPTS="${AWS_MAX_ATTEMPTS:-2}"
# BUCKET.HOST is a name that only Amazon and who imitates its DNS has.
[ -z "${MLFLOW_S3_ENDPOINT_URL:-}" ] ||
    export MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="${MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE:-path}"
export PGUSER="${PGUSER:-rcflab_mlflow}"

# The address has neither host nor password: PGHOST, PGPORT, PGUSER and PGPASSFILE have them. psycopg2 is named, since
# SQLAlchemy 2.1 takes psycopg 3 where none is.
export MLFLOW_BACKEND_STORE_URI=postgresql+psycopg2:///rcflab_mlflow
export MLFLOW_AUTH_CONFIG_PATH="$here/basic_auth.ini"
export PYTHONPATH="$here"  # gate.py, which basic_auth.ini names; and nothing else of the caller's

export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false  # jobs run code on the server
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false  # a stored model would run code where it is loaded
export MLFLOW_ENABLE_AI_GATEWAY=false MLFLOW_ENABLE_REMOTE_ASSISTANT=false
export MLFLOW_ENABLE_ASSISTANT_SANDBOX=true  # should the assistant ever be reached: in a container, or not at all
export MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS=false
export MLFLOW_BASIC_AUTH_FAIL_CLOSED=true MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH=true
export MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE=false
# Behind TLS the server's own pages come from https://NAME, which MLflow would take for foreign ones. gate.py compares the
# origin of a page with the name that is asked, so none of these may write by another's.
MLFLOW_SERVER_CORS_ALLOWED_ORIGINS=$(printf '%s' "$allowed" | sed 's#[^,][^,]*#https://&#g')
export MLFLOW_SERVER_CORS_ALLOWED_ORIGINS
export MLFLOW_SERVER_X_FRAME_OPTIONS=DENY
# Other servers than uvicorn go without the checks of host and origin.
unset MLFLOW_GUNICORN_OPTS MLFLOW_UVICORN_OPTS || true

umask 077
exec "$python" -m mlflow server \
    --app-name basic-auth \
    --host "$host" --port "$port" --workers "${RCFLAB_MLFLOW_WORKERS:-2}" \
    --allowed-hosts "$allowed" \
    --serve-artifacts --artifacts-destination "$artifacts"
