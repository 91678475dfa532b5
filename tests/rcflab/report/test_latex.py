"""LaTeX: a page comes out of pdflatex whatever arms are called, with the digits of the table on it."""

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rcflab.ablation import AblationTable
from rcflab.report.files import render, render_tables
from rcflab.report.latex import PREAMBLE, escape
from rcflab.report.macros import macros


def compiled(folder: Path, body: str, preamble: str = "") -> str:
    """The text of the page that `body` becomes; skips where there is no LaTeX."""
    missing = [name for name in ("pdflatex", "pdftotext", "kpsewhich") if shutil.which(name) is None]
    if missing or subprocess.run(["kpsewhich", "siunitx.sty"], capture_output=True, check=False).returncode:
        pytest.skip(f"no {', '.join(missing) or 'siunitx'} here")
    source = rf"\documentclass{{article}}{PREAMBLE}{preamble}\begin{{document}}{body}\end{{document}}"
    (folder / "page.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "siunitx/deprecated" not in done.stdout
    text = subprocess.run(["pdftotext", "-layout", "page.pdf", "-"], cwd=folder, capture_output=True, check=True)
    return text.stdout.decode()


def test_a_table_with_hostile_names_becomes_a_page_with_its_digits(table: AblationTable, tmp_path: Path) -> None:
    text = compiled(tmp_path, render(dataclasses.replace(table, layout="both"), "tex"))
    for digits in ("40.5 ± 0.7", "43.8 ± 1.1", "+3.2 ± 0.4", "−36.2 ± 0.4", "better by 3.2 [1.0, 5.5]", "−0.5"):
        assert digits in text
    assert "<script>alert" in text
    assert "[U+6F22]" in text, "a sign that the fonts lack is told by its number"


def test_every_macro_can_stand_in_a_sentence(table: AblationTable, tmp_path: Path) -> None:
    found = macros([table])
    sentences = "\n\n".join(rf"q{'abcdefghij'[index % 10]}\{each.name}." for index, each in enumerate(found))
    text = compiled(tmp_path, sentences, render(table, "macros"))
    assert len(re.findall(r"^q[a-j]\S.*\.$", text, re.MULTILINE)) == len(found)


def test_many_experiments_are_one_file_with_a_label_each(table: AblationTable, tmp_path: Path) -> None:
    other = dataclasses.replace(table, experiment="queries", layout="knobs")
    text = render_tables([table, other], "tex")
    assert re.findall(r"\\label{(.*)}", text) == ["tab:token-size", "tab:queries"]
    assert "Experiment queries." in compiled(tmp_path, text)


def test_every_latin_letter_that_is_left_as_it_is_can_be_set(tmp_path: Path) -> None:
    letters = [chr(code) for code in range(0x20, 0x250)]
    compiled(tmp_path, " ".join(escape(letter) for letter in letters if letter.isprintable()))
