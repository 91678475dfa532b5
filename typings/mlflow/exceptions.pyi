"""What the client raises."""

class MlflowException(Exception):
    error_code: str
