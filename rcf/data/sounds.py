"""The sound at each frame of the videos of an annotation file, decoded when asked for.

    VideoSounds   audio folder, video --sound_file--> read_sound --cache--> Sound --cut at frame / fps--> patch A E
    NoSounds      a network that does not listen

A video without a sound (`audio_file: null`, or nothing found) is silent. A video without `fps` has its frames evenly
spread over its sound.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from rcf.config import AudioConfig
from rcf.data.annotations import Annotations, Video
from rcf.data.audio_io import NO_SOUND, Sound, read_sound
from rcf.data.cache import ByteCache
from rcf.data.frame_files import Fault, FramesFolder
from rcf.data.layout import SOUND_SUFFIXES, sound_file
from rcf.data.log_mel import FirstHop, causal_start, centred_start, cut_patch
from rcf.data.problems import Collector
from rcf.errors import Problem
from rcf.sound import MEL_BINS

DEFAULT_BUDGET = 256 * 1024**2
"""Bytes of spectrograms: 25 kB a second, so about three hours."""


class NoSounds:
    """Nothing is heard, and nothing read."""

    listens = False

    def patch(self, video_index: int, frame_index: int) -> Float[Tensor, "0 E"]:
        """No hops."""
        return torch.zeros(0, MEL_BINS)


class VideoSounds:
    """Patches by (video index, frame index)."""

    listens = True

    def __init__(
        self,
        videos: Sequence[Video],
        folder: Path | None,
        start: FirstHop,
        hops: int,
        cache_bytes: int = DEFAULT_BUDGET,
    ) -> None:
        """`folder` holds the sound files; None where there are none at all, as with still images."""
        self._videos, self._folder, self._start, self._hops = videos, folder, start, hops
        self._sounds = ByteCache[Sound](cache_bytes, lambda sound: sound.mel.nbytes + 200)

    def patch(self, video_index: int, frame_index: int) -> Float[Tensor, "A E"]:
        """What is heard at the moment of a frame. Raises rcf.errors.InputError when the sound file is damaged."""
        video = self._videos[video_index]
        sound = self._sounds.get(video_index, lambda: self._read(video))
        fps = video.fps or (video.length / sound.seconds if sound.seconds else 1.0)
        return cut_patch(sound.mel, self._start(frame_index / fps, self._hops, sound.lookahead), self._hops)

    def _read(self, video: Video) -> Sound:
        path = sound_path(self._folder, video)
        return NO_SOUND if path is None else read_sound(path, f"sound of video {video.id}")


def open_sounds(config: AudioConfig, videos: Sequence[Video], folder: Path | None) -> VideoSounds | NoSounds:
    """What a network of this configuration hears of `videos`."""
    if config.features == "none":
        return NoSounds()
    return VideoSounds(videos, folder, causal_start if config.causal else centred_start, config.mel_frames)


def audio_problems(annotations: Annotations, folder: Path | None) -> list[Problem]:
    """Every video whose sound cannot be found, for an experiment that listens; no sound is decoded.

    `audio_file: null` says that a video has no sound, and is no problem.
    """
    heard = [video for video in annotations.videos if not video.silent]
    problems = Collector(str(annotations.path))
    if folder is None:
        if heard:
            problems.add("", "no folder of sounds beside the frames", "Audio or WAVAudios", _OR_SILENT, "sound-missing")
        return problems.listed()
    files = FramesFolder(folder, "sound")
    for video in heard:
        found = found_sound(video, files)
        if isinstance(found, Fault):
            problems.add(f"sound of video {video.id}", found.got, found.wanted, found.hint, found.rule)
    return problems.listed()


_OR_SILENT = "Set model.audio.features: none, or audio_file: null for a video that has no sound"


def found_sound(video: Video, files: FramesFolder | None) -> Path | Fault | None:
    """The file of a video's sound in the folder of the sounds, or why there is none that can be used.

    None for a video without sound: one that says so, or that names none in a set without a folder of sounds.
    """
    if video.silent or (files is None and video.audio_file is None):
        return None
    if files is None:
        got = f"{video.audio_file!r}, but no folder of sounds"
        return Fault("sound-missing", got, "Audio or WAVAudios beside the frames")
    path = sound_path(files.root, video)
    if path is None:
        tried = ", ".join(f"{Path(video.file_names[0]).parent.name}{suffix}" for suffix in SOUND_SUFFIXES)
        got = f"no audio_file, and none of {tried} in {files.root}"
        return Fault("sound-missing", got, "a sound file", _OR_SILENT)
    return files.fault(path.relative_to(files.root).as_posix()) or path


def sound_path(folder: Path | None, video: Video) -> Path | None:
    """The file that a video says or that lies where its sound would; None where it has none."""
    if folder is None or video.silent:
        return None
    return sound_file(folder, video.audio_file, video.file_names[0])
