"""Who logs in: environment first, then ~/.mlflow/credentials."""

from typing import NamedTuple

class MlflowCreds(NamedTuple):
    username: str | None
    password: str | None

def read_mlflow_creds() -> MlflowCreds: ...
