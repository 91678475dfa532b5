#!/bin/sh
# The MLflow server on one machine with systemd and Debian's PostgreSQL (apt-get install postgresql python3-venv).
#
#   One command   sudo cluster/mlflow/install.sh
#   Size, cost    0.9 GB below /opt/rcflab-mlflow, some minutes of installation; then see rcflab-mlflow.service
#   Leaves        the service running; a user rcflab-mlflow, /opt/rcflab-mlflow, /etc/rcflab-mlflow, two databases
#   Take it away  systemctl disable --now rcflab-mlflow; remove these; DROP DATABASE and DROP ROLE in psql
#
# Run again it brings files and packages up to date, keeps settings and secrets, and starts the service anew.
# Before its first start put the bucket into /etc/rcflab-mlflow/server.env, and its keys into secrets/aws_credentials.
set -eu
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
code=/opt/rcflab-mlflow settings=/etc/rcflab-mlflow user=rcflab-mlflow

[ "$(id -u)" = 0 ] || { echo "install.sh: run it as root" >&2; exit 2; }
command -v psql > /dev/null || { echo "install.sh: no psql; apt-get install postgresql" >&2; exit 2; }

id "$user" > /dev/null 2>&1 || useradd --system --home-dir /var/lib/rcflab-mlflow --shell /usr/sbin/nologin "$user"

# Code belongs to root: the server cannot change what it runs.
install -d -m 755 "$code"
install -m 755 "$here/serve.sh" "$here/prepare.sh" "$here/users.py" "$code"
install -m 644 "$here/basic_auth.ini" "$here/gate.py" "$code"
[ -x "$code/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$code/venv"
"$code/venv/bin/python" -m pip install --quiet --constraint "$here/../../constraints.txt" \
    --requirement "$here/requirements.txt"

runuser -u "$user" -- "$code/venv/bin/python" -c "" || {
    echo "install.sh: the user $user cannot run $code/venv/bin/python; remove $code/venv, and name a Python for all:" \
        "PYTHON=/usr/bin/python3" >&2
    exit 2
}

install -d -m 711 "$settings"
[ -e "$settings/server.env" ] || install -m 600 "$here/server.env" "$settings/server.env"
install -d -m 700 "$settings/secrets"
RCFLAB_MLFLOW_SECRETS="$settings/secrets" DATABASES=no "$code/prepare.sh"
chown -R "$user:" "$settings/secrets"

# The password travels by this pipe: postgres cannot read the folder, and needs no copy of it.
RCFLAB_MLFLOW_SECRETS="$settings/secrets" "$code/prepare.sh" sql | runuser -u postgres -- psql --quiet --no-psqlrc \
    --set ON_ERROR_STOP=1 --dbname postgres

install -m 644 "$here/rcflab-mlflow.service" /etc/systemd/system/
systemctl daemon-reload
systemctl enable rcflab-mlflow
systemctl restart rcflab-mlflow
echo "http://127.0.0.1:5000, user admin, password in $settings/secrets/admin_password; journalctl -u rcflab-mlflow"
