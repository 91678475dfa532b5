from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

class VideoFrame:
    pts: int | None
    time_base: Fraction
    is_corrupt: bool
    @property
    def time(self) -> float | None: ...
    @property
    def rotation(self) -> int: ...
    def to_ndarray(self, *, format: str) -> NDArray[np.uint8]: ...
    @staticmethod
    def from_ndarray(array: NDArray[np.uint8], format: str) -> VideoFrame: ...

class AudioFrame:
    layout: object
    @property
    def time(self) -> float | None: ...
    def to_ndarray(self) -> NDArray[np.float32]: ...

class Packet:
    pts: int | None
    dts: int | None
    time_base: Fraction
    stream: VideoStream | AudioStream
    def decode(self) -> list[VideoFrame | AudioFrame]: ...

class CodecContext:
    name: str
    time_base: Fraction

class VideoStream:
    type: str
    height: int
    width: int
    pix_fmt: str
    time_base: Fraction
    start_time: int | None
    frames: int
    thread_type: str
    average_rate: Fraction | None
    guessed_rate: Fraction | None
    codec_context: CodecContext
    def encode(self, frame: VideoFrame | None) -> list[Packet]: ...

class AudioStream:
    type: str
    rate: int
    layout: object
    time_base: Fraction
    codec_context: CodecContext

class Streams:
    video: tuple[VideoStream, ...]
    audio: tuple[AudioStream, ...]

class InputContainer:
    duration: int | None
    streams: Streams
    def demux(self, *streams: VideoStream | AudioStream) -> Iterator[Packet]: ...
    def close(self) -> None: ...
    def __enter__(self) -> InputContainer: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class OutputContainer:
    metadata: dict[str, str]
    supported_codecs: set[str]
    def add_stream(self, name: str, rate: Fraction, options: dict[str, str]) -> VideoStream: ...
    def add_stream_from_template(self, template: AudioStream) -> AudioStream: ...
    def start_encoding(self) -> None: ...
    def mux(self, packets: Packet | list[Packet]) -> None: ...
    def close(self) -> None: ...
