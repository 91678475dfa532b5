"""Make the bucket of RCFLAB_MLFLOW_ARTIFACTS where the object store has none; run again it changes nothing."""

import os
import sys
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Ends with one line where the store does not answer, or refuses our keys."""
    name = urlsplit(os.environ["RCFLAB_MLFLOW_ARTIFACTS"]).netloc
    address = os.environ.get("MLFLOW_S3_ENDPOINT_URL")
    style = Config(s3={"addressing_style": "path"} if address else None, retries={"max_attempts": 5})
    client = boto3.client(
        "s3", endpoint_url=address, config=style, region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    )
    try:
        if name not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=name)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"make_bucket.py: {address or 'Amazon'}: {error}")


if __name__ == "__main__":
    main()
