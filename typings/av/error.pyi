class FFmpegError(Exception):
    errno: int | None
    strerror: str | None

class InvalidDataError(FFmpegError): ...
