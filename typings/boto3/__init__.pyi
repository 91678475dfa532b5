"""What cluster/mlflow uses of boto3."""

from collections.abc import Mapping, Sequence

from botocore.config import Config

class S3Client:
    def list_buckets(self) -> Mapping[str, Sequence[Mapping[str, str]]]: ...
    def create_bucket(self, *, Bucket: str) -> object: ...

def client(service: str, *, endpoint_url: str | None, config: Config, region_name: str) -> S3Client: ...
