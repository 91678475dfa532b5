"""Foreign data sets, read and written in the one schema (conversion.py)."""
