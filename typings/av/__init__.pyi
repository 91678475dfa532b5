from av import error as error
from av import logging as logging
from av.container import AudioFrame as AudioFrame
from av.container import VideoFrame as VideoFrame
from av.error import FFmpegError as FFmpegError
