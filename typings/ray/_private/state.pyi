"""What rcflab reads of Ray's own view of a cluster; Ray Train 2.60 reads the same."""

class GlobalState:
    def get_draining_nodes(self) -> dict[str, int]: ...

state: GlobalState

def available_resources_per_node() -> dict[str, dict[str, float]]: ...
