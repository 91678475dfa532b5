"""A camera that speaks RTSP (RFC 2326) to one client, on loopback: its packets are made by FFmpeg, once, beforehand.

frames --H.264, FFmpeg's RTP muxer--> a UDP port of ours --> packets --PLAY--> interleaved on the client's connection
"""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

_DESCRIPTION = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=camera
c=IN IP4 0.0.0.0
t=0 0
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
a=control:track
"""
_ANSWERS = {
    "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
    "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
    "PLAY": "Session: 1\r\n",
}


def rtp_packets(frames: NDArray[np.uint8], fps: int) -> list[bytes]:
    """Frames T H W 3 as RTP packets, in their order."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        port.settimeout(0.2)
        with av.open(f"rtp://127.0.0.1:{port.getsockname()[1]}", "w", format="rtp") as out:
            video = out.add_stream("libx264", rate=fps, options={"tune": "zerolatency", "g": "1", "crf": "10"})
            video.height, video.width = frames.shape[1:3]
            video.pix_fmt = "yuv420p"
            for number, picture in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
        return list(_received(port))


def _received(port: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield port.recv(65536)
        except TimeoutError:
            return


@contextmanager
def rtsp_camera(packets: Sequence[bytes]) -> Iterator[str]:
    """The address of a camera that sends these packets when it is asked to play, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"rtsp://127.0.0.1:{server.getsockname()[1]}/live"
        thread = threading.Thread(target=_serve, args=(server, packets), daemon=True)
        thread.start()
        yield address
        thread.join(5)


def _serve(server: socket.socket, packets: Sequence[bytes]) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as lines:
        for method, number in _requests(lines):
            body = _DESCRIPTION.replace("\n", "\r\n") if method == "DESCRIBE" else ""
            head = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n" if body else ""
            answer = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{_ANSWERS.get(method, '')}{head}\r\n{body}"
            connection.sendall(answer.encode())
            for packet in packets if method == "PLAY" else ():
                connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)


def _requests(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Method and sequence number of each, until the client hangs up or takes its leave."""
    method = ""
    while method != "TEARDOWN" and (head := _head(lines)):
        method = head[0].split(" ")[0]
        yield method, next(line.partition(":")[2].strip() for line in head if line.lower().startswith("cseq:"))


def _head(lines: Iterator[bytes]) -> list[str]:
    """The lines of a request; none at the end of the connection."""
    return list(iter(lambda: next(lines, b"").decode("latin-1").strip(), ""))
