#!/bin/sh
# Start compose.yaml: secrets, folders and images first, then everything that it names.
#
#   One command   RCFLAB_MLFLOW_IMAGE=registry.example.org/lab/rcflab-mlflow@sha256:... cluster/mlflow/up.sh
#   Stop it       cluster/mlflow/up.sh down
#   Size, cost    see compose.yaml
#   Leaves        running what compose.yaml names; files in ~/.local/share/rcflab-mlflow (RCFLAB_MLFLOW_DATA) and secrets
#                 in ~/.config/rcflab-mlflow (RCFLAB_MLFLOW_SECRETS)
#
# RCFLAB_MLFLOW_IMAGE is built by cluster/docker; RCFLAB_POSTGRES_IMAGE and RCFLAB_STORE_IMAGE (SeaweedFS) are those of
# its lock of digests. Each has to be NAME@sha256:DIGEST: a tag can be another program tomorrow.
set -eu
umask 077

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export RCFLAB_MLFLOW_DATA="${RCFLAB_MLFLOW_DATA:-$HOME/.local/share/rcflab-mlflow}"
export RCFLAB_MLFLOW_SECRETS="${RCFLAB_MLFLOW_SECRETS:-$HOME/.config/rcflab-mlflow}"
RCFLAB_MLFLOW_USER="$(id -u):$(id -g)"
export RCFLAB_MLFLOW_USER
docker=${DOCKER:-docker}

refuse() {
    echo "up.sh: $1" >&2
    exit 2
}

# A line of images.lock: name, reference, digest or `-`.
locked() {
    [ -r "$here/../docker/images.lock" ] || return 0
    awk -v name="$1" '$1 == name && $3 ~ /^sha256:/ { sub(/:[^:\/]*$/, "", $2); print $2 "@" $3 }' \
        "$here/../docker/images.lock"
}

export RCFLAB_POSTGRES_IMAGE="${RCFLAB_POSTGRES_IMAGE:-$(locked postgres)}"
export RCFLAB_STORE_IMAGE="${RCFLAB_STORE_IMAGE:-$(locked object-store)}"
export RCFLAB_MLFLOW_IMAGE="${RCFLAB_MLFLOW_IMAGE:-}"

if [ "${1:-up}" = up ]; then
    for name in RCFLAB_POSTGRES_IMAGE RCFLAB_STORE_IMAGE RCFLAB_MLFLOW_IMAGE; do
        image=$(printenv "$name")
        printf '%s' "$image" | grep -qE '^[^@[:space:]]+@sha256:[0-9a-f]{64}$' ||
            refuse "$name is '$image'; wanted NAME@sha256:DIGEST (cluster/docker says how)"
    done
    [ "$(id -u)" != 0 ] || refuse "run it as a user of Docker's group, not as root: the containers run as whoever runs it"
    DATABASES=no "$here/prepare.sh"
    extra=$RCFLAB_MLFLOW_SECRETS/compose
    mkdir -p "$extra" "$RCFLAB_MLFLOW_DATA/postgres" "$RCFLAB_MLFLOW_DATA/store"
    [ -s "$extra/superuser_password" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$extra/superuser_password"
    "$here/prepare.sh" sql > "$extra/databases.sql"
    awk -F ' *= *' '/^aws_access_key_id/ { key = $2 } /^aws_secret_access_key/ { secret = $2 } END {
        printf "{\"identities\": [{\"name\": \"mlflow\", \"credentials\": [{\"accessKey\": \"%s\", \"secretKey\": \"%s\"}],", key, secret
        print " \"actions\": [\"Admin\", \"Read\", \"Write\", \"List\", \"Tagging\"]}]}"
    }' "$RCFLAB_MLFLOW_SECRETS/aws_credentials" > "$extra/store_keys"
    set -- up --detach --wait
fi
exec "$docker" compose --file "$here/compose.yaml" "$@"
