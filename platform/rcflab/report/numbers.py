"""Numbers as digits, rounded once."""

from decimal import ROUND_HALF_EVEN, Decimal


def rounded(value: float, digits: int, sign: str = "") -> str:
    """`value` with `digits` decimals, half to even on its exact binary value.

    `sign="+"` marks gains; what rounds to zero has no sign.
    """
    exact = Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return f"{abs(exact):f}" if exact.is_zero() else f"{exact:{sign}f}"


def typographic(digits: str) -> str:
    """`digits` as people read them: with a real minus sign."""
    return digits.replace("-", "\u2212")
