"""The paper's own numbers, for tables to quote beside ours: arXiv 2207.05580, single runs.

    paper.yaml --read, check--> {name: PaperTable(PaperRow ...)}
    experiment: `table: {paper: NAME}`; an arm that is called like a row repeats that row

Rows without an arm's name are of other methods. Values stay apart from ours: they are printed as rows of their own,
with the table that they come from.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rcflab.metrics import METRICS
from rcflab.yaml_file import read_layer

_FILE = Path(__file__).with_name("paper.yaml")
Points = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class PaperRow(_Part):
    """One printed row."""

    arm: str = ""
    """What an arm of ours that repeats this row is called; empty for other methods."""
    method: str = "RCF"
    backbone: str = ""
    pipeline: Literal["online", "offline", ""] = ""
    fps: Annotated[float, Field(gt=0)] | None = None
    """Frames a second, on hardware that the paper does not name."""
    latency_s: Annotated[float, Field(gt=0)] | None = None
    p_ap50: Share | None = None
    """p of the paper's t-test at an IoU of 0.5."""
    p_ap75: Share | None = None
    values: Annotated[tuple[Points | None, ...], Field(strict=False)]
    """One for each column; None where the paper has a dash."""


class PaperTable(_Part):
    """One printed table."""

    number: Annotated[str, Field(pattern=r"^[IVX]+$")]
    about: Annotated[str, Field(min_length=1)]
    """What was evaluated on what."""
    columns: Annotated[tuple[str, ...], Field(strict=False)]
    """Our metric keys of the values."""
    rows: Annotated[tuple[PaperRow, ...], Field(strict=False)] = ()
    notes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    lost: str = ""
    """Why there are no rows."""
    arxiv: Annotated[str, Field(pattern=r"^\d{4}\.\d{5}$")]

    @property
    def source(self) -> str:
        """Where the numbers stand."""
        return f"arXiv {self.arxiv}, table {self.number}"

    def row_of(self, arm: str) -> PaperRow | None:
        """The row that an arm of this name repeats."""
        return next((row for row in self.rows if row.arm == arm), None)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        unknown = [key for key in self.columns if key not in METRICS]
        if unknown or len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns that are metrics, each once, got {self.columns}")
        if bool(self.rows) == bool(self.lost):
            raise ValueError("rows, or a word on why they are lost")
        arms = [row.arm for row in self.rows if row.arm]
        if len(set(arms)) != len(arms):
            raise ValueError(f"one row for each arm, got {arms}")
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"{len(self.columns)} values in each row, got {row.values}")
            if not row.arm and row.method == "RCF":
                raise ValueError(f"an arm or another method for {row.values}")
        return self


class _Paper(_Part):
    tables: dict[str, PaperTable]


def read_paper(path: Path) -> dict[str, PaperTable]:
    """The tables in `path` by name. Raises InputError for broken YAML, pydantic's ValidationError for wrong content."""
    data = read_layer(path).data
    arxiv = data.pop("arxiv", None)
    tables = {name: {"arxiv": arxiv, **table} for name, table in data.pop("tables", {}).items()}
    return _Paper.model_validate({"tables": tables, **data}).tables


@cache
def paper_tables() -> dict[str, PaperTable]:
    """The paper's tables that experiments can name."""
    return read_paper(_FILE)
