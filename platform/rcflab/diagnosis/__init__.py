"""What `rcflab diagnose` says of trained networks."""
