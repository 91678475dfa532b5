"""`rcflab ui` in a real browser: the page opens on filled charts, arms grouped, without a click.

Needs Chromium (Debian's package) and the dependency group `browser`; without them the look at the page is skipped.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest

from rcflab.execute.batch import Batch, Resources
from rcflab.execute.job import jobs_of
from rcflab.execute.local import run_locally
from rcflab.ledger.lease import this_process
from rcflab.session import open_experiment

ROOT = Path(__file__).resolve().parents[2]
YAML = """
name: page
task: toy
baseline: plain
arms: {plain: {}, fast: {training.lr: 0.2}, slow: {training.lr: 0.02}}
seeds: 2
training: {noise: 0.5, evaluate_every: 5}
table: {metrics: [toy/score, toy/distance]}
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")])}
PATIENCE_MS = 240_000

pytestmark = pytest.mark.timeout(900)


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "rcflab.cli", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with an experiment that is trained, and shipped with its table."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.yaml"
    path.write_text(YAML)
    session = open_experiment(path, [f"storage.root={folder / 'runs'}"])
    jobs = jobs_of(session.plan, {cell.eval_key for cell in session.plan.cells})
    resources = Resources(False, 1, 1, 0, None, True, 50)
    batch = Batch.create(session.storage, this_process(), session.provenance, resources, jobs)
    run_locally(batch)
    batch.delete()
    for command, said in (("table", "| plain (baseline) |"), ("sync", "has everything")):
        out, complaint = start(folder, command, str(path)).communicate()
        assert said in out, complaint
    return path


@pytest.fixture(scope="module")
def page_address(finished):
    """The address that the command prints; Ctrl-C ends it, and its server with it."""
    process = start(finished.parent, "ui", str(finished), "--json")
    line = process.stdout.readline()
    assert line, process.stderr.read()
    address = json.loads(line)["url"]
    try:
        yield address
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.terminate()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlparse(address).port)) != 0


@pytest.fixture(scope="module")
def page(page_address):
    """The opened page, once its last chart is drawn."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the dependency group `browser` is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1680, "height": 2400})
        opened.goto(page_address, timeout=PATIENCE_MS)
        opened.wait_for_function(
            "() => document.querySelectorAll('.barlayer .point').length >= 10"
            " && document.querySelectorAll('.scatterlayer .trace path').length >= 6",
            timeout=PATIENCE_MS,
        )
        yield opened
        if picture := os.environ.get("RCF_SCREENSHOT"):
            opened.screenshot(path=picture, timeout=PATIENCE_MS)
        browser.close()


def test_the_server_listens_on_this_machine_alone(page_address):
    assert urlparse(page_address).hostname == "127.0.0.1"


def test_arms_are_grouped_and_the_parent_run_is_not_among_them(page):
    text = page.inner_text("body")
    assert [arm for arm in ("plain", "fast", "slow") if f"Group: {arm}" in text] == ["plain", "fast", "slow"]
    assert "Additional runs" not in text and "Unassigned" not in text


def test_groups_have_colours_of_their_own(page):
    colours = page.eval_on_selector_all(
        ".barlayer", "layers => Array.from(layers[0].querySelectorAll('.point path')).map(path => path.style.fill)"
    )
    assert len(colours) == len(set(colours)) == 3


def test_the_sections_are_open_and_their_charts_filled(page):
    text = page.inner_text("body")
    for section in ("Final metrics (mean of the seeds)", "Curves", "Difference to plain", "All metrics beside plain"):
        assert section in text
    assert "No chart data available" not in text


def test_final_bars_are_the_numbers_of_the_table(page, finished):
    table = json.loads((finished.parent / "runs" / "experiments" / "page" / "table.json").read_text())
    shown = page.inner_text("body")
    for arm in table["arms"]:
        assert f"{arm['metrics']['toy/score']['mean']:.2f}" in shown
