"""What `rcflab eval` makes of an assessment: tables for a terminal, pictures and JSON in a folder."""
