"""Set matching and loss (section III-C, equations 3 and 4)."""
