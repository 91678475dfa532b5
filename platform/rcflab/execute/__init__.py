"""Execution: one job is one training with all evaluations that need it, the same by every executor."""
