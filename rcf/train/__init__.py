"""Optimisation of the network: one step at a time, the loop belongs to the caller."""
