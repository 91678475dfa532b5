"""What rcflab uses of Ray 2.60 that has no public name."""
