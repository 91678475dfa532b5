"""`rcflab report`: one file that tells all, asks nobody for anything, and says so where something is missing."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.overlays import MOST_BYTES, MOST_FILES, find_overlays
from rcflab.pages import lab_note
from rcflab.session import open_experiment, read_ledger

RUNNER = CliRunner()
HOSTILE = "<script>alert(1)</script> a&b_%"
EXPERIMENT = f"""# Question: does it help?
# Expect:   no & yes <b>
name: first
task: toy
baseline: plain
arms:
  plain: {{}}
  fast: {{training.lr: 0.2}}
  "{HOSTILE}": {{training.lr: 0.4}}
seeds: 2
tracking: {{uri: none}}
"""
Finish = Callable[..., None]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment in the current folder, with a hostile arm and note."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "first.yaml"
    path.write_text(EXPERIMENT)
    return path


def report(*options: str) -> str:
    """The text of the page of a finished experiment."""
    done = RUNNER.invoke(app, ["report", "first.yaml", *options])
    assert done.exit_code == 0, done.output
    return Path(done.stdout.splitlines()[-1]).read_text(encoding="utf-8")


def test_a_page_has_verdicts_tables_figures_differences_cells_and_what_made_them(file: Path, finish: Finish) -> None:
    finish(file)
    text = report()
    for title in ("Verdicts", "Tables", "Figures", "What the arms differ in", "Where the numbers come from"):
        assert f">{title}</h2>" in text
    assert "3 arms, 2 seeds. Baseline: plain. Cells: 6 done." in text
    assert text.count("data:image/svg+xml;base64,") == 3 + 1, "differences, courses, loss, rates"
    assert '<td class="words">training.lr</td><td class="words">0.1</td><td class="words">0.2</td>' in text
    session = open_experiment(file)
    for cell in session.plan.cells:
        assert cell.train_key in text and cell.eval_key in text
    assert session.provenance.code_digest[:12] in text
    assert session.fingerprints["plain"].val_data[:12] in text


def test_names_and_notes_are_text_whatever_is_in_them(file: Path, finish: Finish) -> None:
    finish(file)
    text = report()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; a&amp;b_%" in text
    assert "Expect:   no &amp; yes &lt;b&gt;" in text


def test_a_page_asks_nobody_for_anything(file: Path, finish: Finish) -> None:
    finish(file)
    text = report()
    assert set(re.findall(r'\b(?:src|href)="([^":#]*[:#])', text)) == {"data:"}
    assert not re.search(r"@import|url\(|<link|<iframe|<object|javascript:", text)


def test_equal_ledgers_give_equal_pages(file: Path, finish: Finish) -> None:
    finish(file)
    assert report() == report()


def test_figures_lie_beside_the_page_and_none_of_an_earlier_one(file: Path, finish: Finish) -> None:
    finish(file)
    folder = Path("runs/experiments/first/figures")
    folder.mkdir(parents=True)
    (folder / "old.png").write_bytes(b"")
    report()
    assert {path.stem for path in folder.iterdir()} == {"forest", "curves", "loss", "factor-lr"}
    assert {path.suffix for path in folder.iterdir()} == {".png", ".svg"}


def test_many_experiments_are_one_page_with_a_way_to_each(file: Path, finish: Finish) -> None:
    Path("second.yaml").write_text(EXPERIMENT.replace("name: first", "name: second"))
    finish(file)
    text = report("second.yaml", "--output", "all.html")
    assert text.count("<article") == 2
    for place in ("x1", "x2"):
        assert f'href="#{place}"' in text and f'id="{place}"' in text
    assert len(re.findall(r'\bid="([^"]*)"', text)) == len(set(re.findall(r'\bid="([^"]*)"', text)))
    assert "Each experiment is a family of its own" in text


def test_an_experiment_with_nothing_done_has_a_page_that_says_so(file: Path) -> None:
    done = RUNNER.invoke(app, ["report", "first.yaml"])
    assert done.exit_code == 3
    text = Path("runs/experiments/first/partial/report.html").read_text()
    assert "There is no table yet" in text
    assert text.count('<td class="bad">missing</td>') == 6
    assert "arm 'fast', seed 1" in done.stderr


def test_a_part_has_a_page_of_its_own_with_what_is_missing_above(file: Path, finish: Finish) -> None:
    Path("part.yaml").write_text(EXPERIMENT.replace("seeds: 2", "seeds: 1"))
    finish(Path("part.yaml"))
    done = RUNNER.invoke(app, ["report", "first.yaml"])
    assert done.exit_code == 3
    assert not Path("runs/experiments/first/report.html").exists()
    text = Path("runs/experiments/first/partial/report.html").read_text()
    assert "Not all cells are there" in text
    assert text.count('<td class="bad">missing</td>') == 3
    assert ">Tables</h2>" in text


def test_a_narrowed_page_needs_a_place_of_its_own(file: Path, finish: Finish) -> None:
    finish(file)
    assert RUNNER.invoke(app, ["report", "first.yaml", "--seeds", "1"]).exit_code == 2
    assert "1 seed." in report("--seeds", "1", "--output", "part.html")
    assert not Path("runs/experiments/first/report.html").exists()


def picture(path: Path, size: tuple[int, int], form: str = "PNG") -> None:
    """A noisy picture, which does not compress."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 90).convert("RGB").save(path, form)


def test_pictures_of_the_evaluation_are_in_the_page_and_small(file: Path, finish: Finish) -> None:
    names = [f"shots/video-{number}.png" for number in (1, 2, 3, 10)]
    finish(file, names)
    for name in names:
        picture(Path("runs", name), (40, 30))
    picture(Path("runs/shots/video-2.png"), (2400, 900))
    session = open_experiment(file)
    found = find_overlays(session.plan, read_ledger(session).keys, session.storage)
    assert found is not None
    assert [name for name, _ in found.rows] == ["video-1.png", "video-2.png", "video-3.png"]
    assert found.arms == ("plain", "fast", HOSTILE)
    assert found.left_out == 12 - 9 and len(found.rows) == MOST_FILES
    shrunk = found.rows[1][1][0]
    assert shrunk is not None and shrunk.form == "jpeg" and len(shrunk.content) < 4 * MOST_BYTES
    assert Image.open(io.BytesIO(shrunk.content)).size == (1600, 600)
    sources = re.findall(r"data:image/(?:png|jpeg);base64,([^\"]*)", report())
    assert len(sources) == 9
    Image.open(io.BytesIO(base64.b64decode(sources[0]))).verify()


def test_what_is_no_picture_is_left_out(file: Path, finish: Finish) -> None:
    finish(file, ["a.png", "gone.png", "b.svg", "results.json"])
    Path("runs/a.png").write_bytes(b"<script>alert(1)</script>")
    Path("runs/b.svg").write_text("<svg onload='alert(1)'/>")
    text = report()
    assert "Pictures of the evaluation" not in text
    assert "data:image/png" not in text


def test_a_lab_note_is_the_comment_at_the_head(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("# Question: why?\n#           because\nname: x  # no\n# later\n")
    assert lab_note(path) == "Question: why?\n          because"
    path.write_text("name: x\n")
    assert lab_note(path) == ""
    assert lab_note(tmp_path / "gone.yaml") == ""
