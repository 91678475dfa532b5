"""What rcflab uses of Ray's core that has no public name."""

class Config:
    @staticmethod
    def initialize(config: str) -> None: ...

class AuthenticationTokenLoader:
    @staticmethod
    def instance() -> AuthenticationTokenLoader: ...
    def reset_cache(self) -> None: ...
