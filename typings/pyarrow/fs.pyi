from fsspec import AbstractFileSystem

class FSSpecHandler:
    def __init__(self, fs: AbstractFileSystem) -> None: ...

class PyFileSystem:
    def __init__(self, handler: FSSpecHandler) -> None: ...
