"""Storage roots that are no folder: an object store, with a folder on each machine as its cache."""
