"""What rcflab replaces in Ray's driver."""

from collections.abc import Callable

print_to_stdstream: Callable[..., None]
