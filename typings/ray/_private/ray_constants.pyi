"""What rcflab sets of Ray's constants."""

ENABLE_RAY_CLUSTER: bool
