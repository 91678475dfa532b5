"""What all parts of a configuration have in common, and the types that several of them use."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Base of all configuration parts: frozen, strict, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
