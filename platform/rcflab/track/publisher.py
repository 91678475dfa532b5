"""The table's part of a store: a run for each arm, and the files of the experiment's folder at the parent run.

AblationTable --aggregates--> runs of arms        table.* forest.* report.html ... --once a content--> artifacts
             `-- <ship folder>/experiment-<name>.json remembers what the store has: then it is not even opened
"""

import hashlib
import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rcflab.errors import RcfError
from rcflab.ledger.files import file_lock, replace_json, storage_errors
from rcflab.records import Json, RunPlan
from rcflab.track.cursor import ship_folder
from rcflab.track.describe import note
from rcflab.track.tracker import ArmAggregate, Tracker

logger = logging.getLogger(__name__)

_SHOWN = (".md", ".csv", ".tex", ".html", ".png", ".svg", ".pdf", ".yaml")
_PROVENANCE = "table.provenance.json"
"""It has the time in it, so it differs each time: it goes along with others, never alone."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes one experiment into one store."""

    storage: Path
    folder: Path
    """Of the experiment, below the storage root."""
    plan: RunPlan
    tracker: Tracker

    def is_published(self, arms: Sequence[ArmAggregate] | None) -> bool:
        """Whether the store has all, as far as can be told without opening it."""
        known = self._read()
        return (arms is None or known.get("arms") == _digest(arms)) and not _changed(
            _digests(self.folder), known.get("files", {})
        )

    def publish(self, arms: Sequence[ArmAggregate] | None, patience_s: float) -> str | None:
        """Send what the store lacks (without `arms` only files), for at most about `patience_s` seconds.

        Returns why it could not, or None.
        """
        fault: list[str] = []
        thread = threading.Thread(
            target=self._try, args=(arms, patience_s, fault), name="rcflab-publisher", daemon=True
        )
        thread.start()
        thread.join(patience_s)
        if thread.is_alive():
            return f"{self.tracker.uri} did not answer within {patience_s:.0f} s"
        return fault[0] if fault else None

    def _try(self, arms: Sequence[ArmAggregate] | None, patience_s: float, fault: list[str]) -> None:
        try:
            self._publish(arms, patience_s)
        except RcfError as error:
            fault.append(str(error))
        except Exception as error:  # a defect of ours or of the store's client must not end a run
            logger.exception("publishing failed uri=%s", self.tracker.uri)
            fault.append(f"{type(error).__name__}: {error}")

    def _publish(self, arms: Sequence[ArmAggregate] | None, patience_s: float) -> None:
        with storage_errors(self._note.parent, "create"):
            self._note.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(self._note.parent / "ship.lock", patience_s):
            parent = self.tracker.open_experiment(self.plan, note(self.plan))
            known = self._read()
            if arms is not None:
                self.tracker.publish_arms(parent, self.plan, arms)
                known["arms"] = _digest(arms)
            sent: dict[str, Json] = dict(known["files"]) if known.get("parent") == parent.run_id else {}
            digests = _digests(self.folder)
            for name in _changed(digests, sent):
                above = Path(name).parent.as_posix()
                self.tracker.upload(parent.run_id, self.folder / name, "" if above == "." else above)
                sent[name] = digests[name]
                replace_json(self._note, {"parent": parent.run_id, "files": sent})
            replace_json(self._note, {"parent": parent.run_id, "files": sent, "arms": known.get("arms")})

    @property
    def _note(self) -> Path:
        return ship_folder(self.storage, self.tracker.uri) / f"experiment-{self.plan.experiment}.json"

    def _read(self) -> dict[str, Json]:
        try:
            return json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}


def _digest(arms: Sequence[ArmAggregate]) -> str:
    text = json.dumps([asdict(arm) for arm in arms], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of each file that people read, by its name in the folder: tables, figures, reports, no notes of ours."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    shown = [path for path in files if path.suffix in _SHOWN or path.name.startswith("table.")]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in shown}


def _changed(digests: dict[str, str], sent: dict[str, Json]) -> list[str]:
    """Names of the files that the store lacks."""
    found = [name for name, digest in digests.items() if sent.get(name) != digest]
    return [] if found == [_PROVENANCE] and _PROVENANCE in sent else found
