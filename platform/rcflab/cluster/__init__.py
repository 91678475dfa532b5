"""Experiments on Ray clusters that somebody else started: what is sent, what is checked before, and what runs there."""
