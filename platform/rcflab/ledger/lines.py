"""An event as a line: canonical JSON with a checksum at its end.

    Event --encode--> {"key":...,"kind":"metrics",...,"crc":"1b2c3d4e"}\\n --decode--> Event | seal

The last line of a finished segment is the seal: after it the file never grows.
"""

import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict

from rcflab.ledger.events import AttemptStarted, BestKept, CheckpointSaved, Evaluated, Event, Metrics, StateChanged
from rcflab.records import Json

_SEALED = "sealed"
_METRICS = re.compile(rb'\{"kind":"metrics","step":(\d+),"ts_ms":(\d+),')
"""How a line of metrics begins: its keys are sorted, and nothing else begins so."""
_CRC_LENGTH = len(',"crc":"00000000"}')
_EVENTS: Mapping[str, type[Event]] = {
    "attempt": AttemptStarted,
    "metrics": Metrics,
    "checkpoint": CheckpointSaved,
    "evaluation": Evaluated,
    "best": BestKept,
    "state": StateChanged,
}


def encode(event: Event) -> bytes:
    """The line of `event`, with its line end. Raises ValueError when a metric is not finite."""
    fields = asdict(event)
    if isinstance(event, Metrics | Evaluated):
        fields["values"] = _finite(event)
    return _line(fields)


def encode_seal() -> bytes:
    """The last line of a segment."""
    return _line({"kind": _SEALED})


def decode(line: bytes) -> Event | None:
    """The event of a line without its line end, None for a seal.

    Raises ValueError with the reason when the line is damaged or of an unknown kind.
    """
    body, tail = line[:-_CRC_LENGTH] + b"}", line[-_CRC_LENGTH:]
    if tail != _crc_tail(body):
        raise ValueError("the checksum does not fit")
    fields = json.loads(body)
    kind = fields.pop("kind")
    if kind == _SEALED:
        return None
    if kind not in _EVENTS:
        raise ValueError(f"unknown kind of event {kind!r}; a newer version of rcflab may have written it")
    if kind == "evaluation":
        fields["artifacts"] = tuple(fields["artifacts"])
    try:
        return _EVENTS[kind](**fields)
    except TypeError as error:
        raise ValueError(f"{error}; another version of rcflab may have written it") from error


def decode_without_values(line: bytes) -> Event | None:
    """Like `decode`, but training metrics come without their values, which are checked and not read."""
    found = _METRICS.match(line)
    if found is None:
        return decode(line)
    body, tail = line[:-_CRC_LENGTH] + b"}", line[-_CRC_LENGTH:]
    if tail != _crc_tail(body):
        raise ValueError("the checksum does not fit")
    return Metrics(int(found[2]), int(found[1]), {})


def _line(fields: Mapping[str, Json]) -> bytes:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    body = text.encode("ascii")
    return body[:-1] + _crc_tail(body) + b"\n"


def _crc_tail(body: bytes) -> bytes:
    return b',"crc":"%08x"}' % zlib.crc32(body)


def _finite(event: Metrics | Evaluated) -> dict[str, float]:
    values = {key: float(value) for key, value in event.values.items()}
    bad = {key: value for key, value in values.items() if not math.isfinite(value)}
    if bad:
        raise ValueError(f"step {event.step}: metrics must be finite, got {bad}; leave out what has no value")
    return values
