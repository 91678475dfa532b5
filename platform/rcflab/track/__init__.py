"""Tracking: the ledger replayed to MLflow, off the path of training."""
