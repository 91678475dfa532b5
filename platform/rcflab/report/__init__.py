"""Step 8: an AblationTable as Markdown, LaTeX, CSV and JSON, all from one layer of rows."""
