"""The file of results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from frugal_motion.bench.gpu_day import results
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.parts import Part
from frugal_motion.bench.gpu_day.results import PartResult, Results

ABOUT = {"card": "NVIDIA H200", "driver": "580.1"}
FIRST = PartResult(
    "first", "The first", "done", "", "2026-11-29", 3.5, 10.0,
    (Measurement("a.seconds", 1.25, "s", 2.0, "lower", "half of it"), Measurement("b", 3.0, "")),
    {"measured": [{"stage": "sample", "flops": 1e15}]},
)  # fmt: skip
CUT = PartResult("second", "The second", "cut", "its 4 s were used up", "2026-11-29", 4.0, 4.0)
DAY = Results(ABOUT, False, 60.0, (FIRST, CUT, PartResult("third", "The third")))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    results.write(tmp_path / "card.json", DAY)
    assert results.read(tmp_path / "card.json") == DAY
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 2, "about": {}, "is_rehearsal": false, "budget": 1, "parts": []}',
        '{"version": 1, "about": {}, "is_rehearsal": false, "budget": 1, "parts": [{"name": "a"}]}',
        '{"version": 1, "about": {}, "is_rehearsal": false, "budget": 1, "parts": [], "more": 1}',
        '{"batch.ratio": {"value": 1.5}}',
    ],
)
def test_what_is_no_results_of_this_version_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ValueError, match="card.json: found .*; allowed: results of a GPU day, version 1"):
        results.read(tmp_path / "card.json")


def test_a_figure_that_is_none_is_refused_when_it_is_read(tmp_path: Path) -> None:
    results.write(tmp_path / "card.json", DAY)
    text = (tmp_path / "card.json").read_text().replace("1.25", "NaN")
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ValueError, match="a.seconds"):
        results.read(tmp_path / "card.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_measurement_is_a_finite_number(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Measurement("a", value, "s")


@pytest.mark.parametrize(("goal", "better"), [(1.0, ""), (None, "lower"), (None, "higher")])
def test_a_goal_has_a_good_side(goal: float | None, better: str) -> None:
    with pytest.raises(ValueError, match="good side"):
        Measurement("a", 1.0, "s", goal, better)


@pytest.mark.parametrize("value", [np.float32(2.5), torch.tensor(2.5, dtype=torch.float16), torch.tensor([2.5])])
def test_any_kind_of_number_is_a_figure(value: object, tmp_path: Path) -> None:
    found = Measurement("a", value, "s")
    assert type(found.value) is float and found.value == 2.5
    assert json.dumps(found.value) == "2.5"


@pytest.mark.parametrize(
    ("better", "value", "reached"),
    [("higher", 2.0, True), ("higher", 1.9, False), ("lower", 2.0, True), ("lower", 2.1, False)],
)
def test_a_goal_is_reached_on_its_good_side(better: str, value: float, reached: bool) -> None:
    assert Measurement("a", value, "x", 2.0, better).is_reached is reached
    assert Measurement("a", value, "x").is_reached is None


AGAIN = [Part("second", "The second", 0.5), Part("fourth", "The fourth", 0.5)]


def test_parts_that_are_not_run_again_stay() -> None:
    day = results.before(AGAIN, ABOUT, False, 20.0, DAY)
    assert {part.name: part.state for part in day.parts} == {
        "first": "done", "second": "waiting", "third": "waiting", "fourth": "waiting",
    }  # fmt: skip
    assert day.part("first") == FIRST and day.budget == 20


@pytest.mark.parametrize(
    "earlier", [None, replace(DAY, about=ABOUT | {"driver": "570.0"}), replace(DAY, is_rehearsal=True)]
)
def test_of_another_driver_nothing_stays(earlier: Results | None) -> None:
    day = results.before(AGAIN, ABOUT, False, 20.0, earlier)
    assert day.parts == (PartResult("second", "The second"), PartResult("fourth", "The fourth"))


def test_rehearsals_are_no_results_of_a_card(tmp_path: Path) -> None:
    results.write(tmp_path / "b.json", DAY)
    results.write(tmp_path / "c.json", replace(DAY, is_rehearsal=True))
    results.write(tmp_path / "a.json", replace(DAY, budget=1.0))
    assert results.all_in(tmp_path) == [replace(DAY, budget=1.0), DAY]
    assert results.all_in(tmp_path / "nothing") == []
