"""Video data: annotations, readers, the synthetic set, transforms and sampling."""
