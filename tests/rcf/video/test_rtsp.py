"""A camera that speaks RTSP: its frames, and what happens when it falls silent."""

import numpy as np
import pytest
from rtsp_camera import rtp_packets, rtsp_camera

from rcf.errors import SourceStoppedError
from rcf.video.camera import Camera

_GREYS = np.arange(20, 240, 20, dtype=np.uint8)


def test_a_camera_of_rtsp_is_read_in_order_and_an_error_when_it_falls_silent() -> None:
    frames = np.broadcast_to(_GREYS[:, None, None, None], (len(_GREYS), 48, 64, 3)).copy()
    seen: list[float] = []
    with rtsp_camera(rtp_packets(frames, fps=10)) as address:
        camera = Camera(address, timeout_s=1.0, newest=False)
        with pytest.raises(SourceStoppedError, match="1 s"):
            seen.extend(float(frame.pixels.float().mean()) for frame in camera.frames())
        camera.close()
    # FFmpeg holds back the last frame until it sees where the next one begins.
    assert seen == pytest.approx(_GREYS[: len(seen)].tolist(), abs=3)
    assert len(seen) >= len(_GREYS) - 1
