"""The network, one file per box of the paper's figure 2; `build_network` puts the parts together."""

from rcf.model.build import build_network

__all__ = ["build_network"]
