"""A table in a notebook: shown as HTML, and there as text in every format of the files.

AblationTable --TableView--> _repr_html_, markdown(), latex(), csv(), json()
"""

from rcflab.ablation import AblationTable
from rcflab.report.files import render
from rcflab.report.html import render_html_fragment
from rcflab.report.rows import table_rows


class TableView:
    """The table of an experiment; the last line of a notebook's cell shows it."""

    def __init__(self, data: AblationTable) -> None:
        self.data = data
        """The numbers, unrounded."""

    def markdown(self) -> str:
        """The text of table.md."""
        return render(self.data, "md")

    def latex(self) -> str:
        """The text of table.tex; it needs the package booktabs."""
        return render(self.data, "tex")

    def csv(self) -> str:
        """The text of table.csv, unrounded."""
        return render(self.data, "csv")

    def json(self) -> str:
        """The text of table.json, unrounded, with the trial behind every number."""
        return render(self.data, "json")

    def html(self) -> str:
        """A fragment for a page of one's own."""
        return render_html_fragment(table_rows(self.data))

    def __str__(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        arms = len(self.data.rows)
        return f"<table of {self.data.experiment}: {arms} arms, {', '.join(spec.label for spec in self.data.metrics)}>"

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_markdown_(self) -> str:
        return self.markdown()
