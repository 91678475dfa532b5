"""Ask registries for the digests that images.lock lacks, and write them there.

    python cluster/docker/pin.py            those that are missing
    python cluster/docker/pin.py --renew    all, where tags may have moved: prints what has changed

    tag --GET /v2/REPOSITORY/manifests/TAG--> manifest, Docker-Content-Digest --sha256 of what came is the same?--> lock
              `-- 401: where to get a token is in the answer; asked without a login, as for any public image

Takes seconds, downloads some kB and no image. Leaves nothing running. Exit code 2 with one line where a registry does
not answer or an image is not there: then the lock is as it was.
"""

import argparse
import hashlib
import json
import re
import sys
from http import HTTPStatus
from typing import cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from lock import LOCK, Image, RefusedError, read, run, write_digests

_HUB = {"docker.io": "registry-1.docker.io"}
"""Where a registry answers whose name in a reference is another."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ACCEPTED = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest that a registry may send; the specification's own limit."""
_TIMEOUT_S = 30.0


def resolve(image: Image) -> str:
    """The digest that the tag of an image points to now.

    Raises RefusedError where the registry does not answer, has no such image, or sends other content than it says.
    """
    host = _HUB.get(image.registry, image.registry)
    url = f"{_scheme(host)}://{host}/v2/{image.repository}/manifests/{image.tag}"
    status, headers, body = _get(url, {"Accept": _ACCEPTED})
    if status == HTTPStatus.UNAUTHORIZED:
        token = _token(headers.get("www-authenticate", ""), image)
        status, headers, body = _get(url, {"Accept": _ACCEPTED, "Authorization": f"Bearer {token}"})
    if status != HTTPStatus.OK:
        raise RefusedError(f"{image.reference}: {host} answers {status}; wanted a manifest: check name and tag")
    computed = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if headers.get("docker-content-digest", computed) != computed:
        said = headers["docker-content-digest"]
        raise RefusedError(f"{image.reference}: {host} says {said} and sends {computed}; ask again, by another network")
    return computed


def _scheme(host: str) -> str:
    """Without encryption only to this machine."""
    return "http" if re.sub(r":\d+$", "", host) in _LOOPBACK else "https"


def _token(challenge: str, image: Image) -> str:
    """What lets anybody read a public image: asked for where the registry says. Raises RefusedError for another way."""
    asked: dict[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = urlsplit(asked.get("realm", ""))
    if not challenge.startswith("Bearer ") or realm.scheme not in ("https", _scheme(realm.netloc)):
        raise RefusedError(f"{image.reference}: got a request to log in ({challenge[:80]}); wanted a public image")
    query = urlencode({"service": asked.get("service", ""), "scope": f"repository:{image.repository}:pull"})
    status, _, body = _get(f"{realm.geturl()}?{query}", {})
    token = _named(body, "token") or _named(body, "access_token")
    if status != HTTPStatus.OK or not token:
        raise RefusedError(f"{image.reference}: {realm.netloc} answers {status} and gives no token; ask again later")
    return token


def _named(body: bytes, name: str) -> str:
    """A text in an answer; empty where it is not there, or the answer is no object."""
    try:
        answer: object = json.loads(body)
    except ValueError:
        return ""
    found = cast(dict[str, object], answer).get(name) if isinstance(answer, dict) else None
    return found if isinstance(found, str) else ""


def _get(url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their names in lower case, body. Raises RefusedError where nobody answers."""
    try:
        with urlopen(Request(url, headers=headers), timeout=_TIMEOUT_S) as answer:
            body = answer.read(_LARGEST + 1)
            if len(body) > _LARGEST:
                raise RefusedError(f"{url}: got more than {_LARGEST} bytes; wanted a manifest")
            return int(answer.status), {name.lower(): value for name, value in answer.headers.items()}, body
    except HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, b""
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise RefusedError(f"{url} does not answer: {reason}; run this where the registry can be reached") from error


def main(arguments: list[str]) -> None:
    """Raises RefusedError."""
    parser = argparse.ArgumentParser(prog="pin.py", description="Write the digests of images into images.lock.")
    parser.add_argument("--renew", action="store_true", help="ask for those too that have one")
    renew: bool = parser.parse_args(arguments).renew
    images = read(LOCK)
    found = {name: resolve(image) for name, image in images.items() if renew or image.digest is None}
    write_digests(found, LOCK)
    for name, digest in found.items():
        was = images[name].digest
        note = "" if was in (None, digest) else f"  was {was}"
        sys.stdout.write(f"{name:14} {images[name].reference}@{digest}{note}\n")
    if not found:
        sys.stdout.write("every image has a digest; --renew asks anew\n")


if __name__ == "__main__":
    run(main)
