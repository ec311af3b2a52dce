"""What docs/gpu.md and Cost Estimate say of cards is what GPU days have found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.bench.gpu_day import page
from frugal_motion.bench.gpu_day.goals import GOALS, without_a_number
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.parts import PARTS
from frugal_motion.bench.gpu_day.results import PartResult, Results, all_in
from frugal_motion.nodes.forecast.card_speeds import read_speeds
from frugal_motion.tools.made_part import replaced

SPEED = {"stage": "sample", "flops": 4e15, "frames": 31, "seconds": 10.0}
ABOUT = {"card": "NVIDIA H200", "driver": "580.65.06", "torch": "2.11.0+cu130", "comfyui": "0.3.75", "cores": "16"}
DAY = Results(
    ABOUT,
    False,
    420.0,
    (
        PartResult("micro_batches", "Several clips in one batch", "done", "", "2026-11-29", 40.0, 70.0, (
            Measurement("clips_per_second_ratio", 1.62, "x", 1.43, "higher", "at best"),
            Measurement("8_clips.peak", 12.345, "GB", note="2|3 *"),
        )),
        PartResult("ten_seconds", "An edit of 10 seconds", "cut", "its 90 s were used up", "2026-11-29", 90.0, 90.0, (
            Measurement("naive_over_dense", 3.5, "x", 4.0, "higher", "of all of it"),
            Measurement("sparse.dollars", 0.0123, "$", 0.15, "lower"),
            Measurement("sparse.stage.sampler", 1.5, "s"),
            Measurement("sparse.stage.cache_video", 0.2, "s"),
        )),
        PartResult("finishing", "More frames", "failed", "OSError: a|b <c>\n  File x\n", "2026-11-30", 1.0, 9.0),
        PartResult("video_model", "Wan", "running", "", "2026-11-30", 0.0, 9.0),
        PartResult("speeds", "Speeds", "done", "", "2026-11-30", 1.0, 9.0, facts={"measured": [SPEED]}),
        PartResult("idle_unload", "Idle"),
    ),
)  # fmt: skip


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line[2:-1].split(" | ")] for line in text.splitlines() if line.startswith("| ")]


def test_the_page_says_what_the_results_say() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert replaced(text, "gpu-page", page.section(all_in(page.RESULTS))) == text, "run `make gpu-page`"


def test_cost_estimate_knows_what_the_results_say() -> None:
    assert json.loads(page.SPEEDS.read_text(encoding="utf-8")) == page.speeds(all_in(page.RESULTS)), (
        "run `make gpu-page`"
    )


@pytest.mark.parametrize("name", ["README.md", "docs/costs.md", "docs/measurements.md"])
def test_pages_say_so_as_long_as_no_gpu_has_measured_anything(name: str) -> None:
    is_said = "No GPU has measured" in (page.ROOT / name).read_text(encoding="utf-8")
    assert is_said == (not all_in(page.RESULTS)), f"{name}: say what is measured by now, see docs/gpu.md"


def test_without_results_it_is_said_plainly() -> None:
    text = page.section([])
    assert text.startswith("**No GPU has run this pack so far.**")
    assert [row[0] for row in rows(text)[1:]] == [goal.title for goal in GOALS]


def test_a_card_has_its_figures_its_goals_and_what_was_missed() -> None:
    text = page.section([DAY])
    assert "No GPU" not in text
    assert "## NVIDIA H200\n\n2026-11-29 and 2026-11-30, 132 s, driver 580.65.06, torch 2.11.0+cu130, ComfyUI" in text
    promised, batches, edits, *_ = text.split("\n| promised")[1].split("\n### ")
    assert rows(f"|{promised}")[1:] == [
        ["clips a second in batches, over one by one", "1.62 x", "1.43 x", ""],
        ["seconds of sampling an edit of 10 seconds, the naive way over mode dense", "3.5 x", "4 x", "**missed**"],
        ["10 seconds of video, mode sparse", "$0.0123", "$0.15 at most", ""],
        ["seconds of each stage of that edit", "sampler 1.5 s, cache video 0.2 s", "", ""],
    ]
    assert batches.startswith("Several clips in one batch\n\n| figure |") and rows(batches)[1:] == [
        ["clips_per_second_ratio", "1.62 x", "at least 1.43 x", "at best"],
        ["8_clips.peak", "12.3 GB", "", "2&#124;3 \\*"],
    ]
    assert edits.startswith("An edit of 10 seconds\n\n*Cut: its 90 s were used up*\n\n| figure |")
    assert rows(edits)[1:3] == [
        ["naive_over_dense", "3.5 x", "at least 4 x", "**missed**; of all of it"],
        ["sparse.dollars", "$0.0123", "at most $0.15", ""],
    ]


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("More frames", "*Failed: OSError: a|b &lt;c>*\n\nNo figure was found."),
        ("Wan", "*The day was cut off here.*\n\nNo figure was found."),
        ("Speeds", "No figure was found."),
        ("Idle", "*Not run.*\n\nNo figure was found."),
    ],
)
def test_parts_that_were_cut_or_failed_say_so(title: str, said: str) -> None:
    assert f"### {title}\n\n{said}\n" in page.section([DAY])


def test_a_goal_that_has_a_figure_is_not_missing_any_more() -> None:
    names = {goal.figures for goal in without_a_number([DAY])}
    assert {goal.figures for goal in GOALS} - names == {
        "micro_batches.clips_per_second_ratio", "ten_seconds.naive_over_dense", "ten_seconds.sparse.dollars",
        "ten_seconds.sparse.stage.*",
    }  # fmt: skip


def test_with_a_number_for_every_goal_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.bench.gpu_day.goals.GOALS", GOALS[:1])
    assert page.section([DAY]).endswith("Every goal that is set for a GPU has a number.\n")


def test_goals_are_of_parts_that_are_measured() -> None:
    assert {goal.figures.partition(".")[0] for goal in GOALS} <= {part.name for part in PARTS}


def test_speeds_of_all_days_of_a_card_are_kept_for_it(tmp_path: Path) -> None:
    others = [replace(DAY, about={"card": name}) for name in ("NVIDIA H200", "Voodoo 2", "NVIDIA L4")]
    found = page.speeds([DAY, *others])
    assert found == {"H200": [SPEED, SPEED], "L4": [SPEED]}
    (tmp_path / "speeds.json").write_text(json.dumps(found))
    assert {card: len(stages) for card, stages in read_speeds(tmp_path / "speeds.json").items()} == {"H200": 2, "L4": 1}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, with other places."""
    marks = "<!-- made by make gpu-page -->\nold\n<!-- end of make gpu-page -->\n"
    (tmp_path / "gpu.md").write_text(f"before\n{marks}behind\n")
    for name, place in (("PAGE", "gpu.md"), ("SPEEDS", "speeds.json"), ("RESULTS", "results")):
        monkeypatch.setattr(page, name, tmp_path / place)
    return tmp_path


def test_the_command_writes_both(made: Path) -> None:
    page.write(all_in(page.RESULTS))
    first = (made / "gpu.md").read_text()
    assert first.startswith("before\n<!--") and first.endswith("-->\nbehind\n") and "No GPU" in first
    assert (made / "speeds.json").read_text() == "{}\n"
    page.write([DAY])
    assert "NVIDIA H200" in (made / "gpu.md").read_text()
    assert json.loads((made / "speeds.json").read_text()) == {"H200": [SPEED]}
