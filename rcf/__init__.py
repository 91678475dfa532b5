"""RCF: online video instance segmentation via robust context fusion (arXiv 2207.05580)."""
