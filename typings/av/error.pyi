class FFmpegError(Exception):
    strerror: str | None

class InvalidDataError(FFmpegError): ...
