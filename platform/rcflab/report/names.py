"""What arms are called in print."""


def baseline_marked(arm: str, is_baseline: bool) -> str:
    """The arm's name, with a word on what it is where the name does not say so."""
    return f"{arm} (baseline)" if is_baseline and arm != "baseline" else arm
