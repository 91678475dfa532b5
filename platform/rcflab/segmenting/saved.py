"""The state of a stream in --state FILE, with what it belongs to.

FILE --restore: same weights, mode, source?--> session, first frame          session --save--> FILE
"""

from pathlib import Path
from typing import TYPE_CHECKING

from rcflab.errors import InputError, Problem

if TYPE_CHECKING:
    from rcf.stream_files import Facts
    from rcf.trained import TrainedNetwork
    from rcf.video.session import VideoSession
    from rcf.video.source import FrameSource


class SavedStream:
    """Does nothing where there is no --state."""

    def __init__(self, path: Path | None, model: "TrainedNetwork", mode: str, source: "FrameSource") -> None:
        self.path = path
        self._live = source.live
        self._facts: Facts = {} if path is None else _facts(model, mode, source)

    @property
    def hint(self) -> str:
        """How to go on."""
        return "" if self.path is None else f". The same command goes on from there ({self.path})"

    def restore(self, session: "VideoSession") -> int:
        """The first frame to segment; 0 without a file. Raises InputError where the file belongs to something else."""
        from rcf.stream_files import load_stream

        if self.path is None or not self.path.exists():
            return 0
        state, facts = load_stream(self.path)
        wrong = [
            Problem(str(self.path), name, repr(facts.get(name)), f"{wanted!r}, as asked for", "Or take another --state")
            for name, wanted in self._facts.items()
            if facts.get(name) != wanted and not (name == "source" and self._live)
        ]
        if wrong:
            raise InputError(wrong)
        try:
            session.load_state_dict(state, other_sound=self._live)
        except (KeyError, ValueError) as error:
            got = f"a state without a part that is needed ({error})"
            raise InputError([Problem(str(self.path), "", got, "one of this network", "Start anew")]) from error
        return session.frames

    def save(self, session: "VideoSession") -> None:
        """After the sinks were closed, so that what is written and what is remembered belong together."""
        from rcf.stream_files import save_stream

        if self.path is not None and session.frames:
            save_stream(self.path, session.state_dict(), self._facts)


def _facts(model: "TrainedNetwork", mode: str, source: "FrameSource") -> "Facts":
    import hashlib

    from rcf.checkpoint_files import weights_file

    with weights_file(model.folder).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"weights_sha256": digest, "mode": mode, "source": source.name, "sound_rate": source.sound_rate}
