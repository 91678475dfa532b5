"""Statistics of a table, in plain numbers: no torch, ray or mlflow."""
