#!/usr/bin/env bash
# The secrets of cluster/kuberay: random values straight into the cluster, none of them in a file or in an argument.
#
#   cluster/kuberay/secrets.sh                  makes those that are missing; run again, it changes nothing
#   cluster/kuberay/secrets.sh rotate ray-token makes a new token (README.md says what to restart)
#
# Size, cost: six Secrets of some bytes. Leaves nothing running. KUBECTL names another client than kubectl.
# Not rotated so: postgres and mlflow-admin, whose old value is in a database too: README.md says how.
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
kubectl=${KUBECTL:-kubectl}
namespace=rcflab
names=(ray-token postgres object-store mlflow-admin mlflow-ray mlflow-session)

# 32 bytes, as 64 signs that no URL, shell or YAML reads as anything else.
random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

keys_of() {
    case "$1" in
        ray-token) echo auth_token ;;
        postgres) echo password mlflow-password ;;
        mlflow-admin | mlflow-ray) echo password ;;
        object-store) echo access-key secret-key ;;
        mlflow-session) echo key ;;
        *) return 1 ;;
    esac
}

# By standard input: arguments can be listed by every user of a machine. `create` refuses what is there; so would two
# people at once not overwrite each other's.
manifest() {
    local name=$1 key
    printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\n' "$name" "$namespace"
    printf '  labels: {app.kubernetes.io/part-of: rcflab}\ntype: Opaque\nstringData:\n'
    for key in $(keys_of "$name"); do
        printf '  %s: "%s"\n' "$key" "$(random)"
    done
}

there() {
    [[ -n $("$kubectl" get secret "$1" --namespace "$namespace" --ignore-not-found --output name) ]]
}

make_missing() {
    "$kubectl" apply -k "$here/namespace"
    local name
    for name in "${names[@]}"; do
        if there "$name"; then
            echo "secret/$name is there already: left as it is"
        else
            manifest "$name" | "$kubectl" create --filename -
        fi
    done
}

case "${1:-}" in
    "") make_missing ;;
    rotate)
        case "${2:-}" in
            ray-token | object-store | mlflow-ray | mlflow-session) manifest "$2" | "$kubectl" replace --filename - ;;
            *)
                echo "secrets.sh: got rotate ${2:-nothing}; wanted ray-token, object-store, mlflow-ray or mlflow-session" >&2
                exit 2
                ;;
        esac
        ;;
    *)
        echo "secrets.sh: got $1; wanted nothing, or: rotate NAME" >&2
        exit 2
        ;;
esac
