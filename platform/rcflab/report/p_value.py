"""p as people read it."""


def p_text(value: float | None) -> str:
    """Two digits, never 0; a dash where there is none."""
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
