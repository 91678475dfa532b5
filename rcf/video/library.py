"""PyAV, loaded when a video is read or written.

av --import, or a Problem that names the extra--> FFmpeg's containers and codecs
"""

from types import ModuleType

from rcf.errors import InputError, Problem


def load_av() -> ModuleType:
    """The module `av`. Raises rcf.errors.InputError where it is not installed."""
    try:
        import av
        import av.logging
    except ImportError as error:
        hint = "pip install 'rcflab[video]'. A folder of images, or raw frames, need nothing"
        raise InputError([Problem("PyAV", "", f"no package ({error})", "an installed `av`", hint)]) from error
    av.logging.set_level(None)  # faults are told by exceptions and notes, not on stderr
    return av
