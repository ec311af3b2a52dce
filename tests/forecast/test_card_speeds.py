"""What was measured on a card counts for that card, between runs of this machine and the data sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.economy.prices import card_named, cards
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast import card_speeds
from frugal_motion.nodes.forecast.card_speeds import read_speeds
from frugal_motion.nodes.forecast.throughput import Measured
from frugal_motion.nodes.forecast.workflow_estimate import estimate_prompt

from .test_node import PROMPT

pytestmark = pytest.mark.usefixtures("asset_folders")

SAMPLE = {"stage": "sample", "flops": 4e15, "frames": 31, "seconds": 16.0}
FAST = {"stage": "decode", "flops": 1e14, "frames": 31, "seconds": 0.25}


@pytest.fixture
def measured_l4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An L4 that samples at 250 and decodes at 400 TFLOP/s, more than it can."""
    (tmp_path / "speeds.json").write_text(json.dumps({"L4": [SAMPLE, FAST]}))
    monkeypatch.setattr(card_speeds, "SPEEDS", tmp_path / "speeds.json")


def stages(runs: Any = (), **options: Any) -> dict[str, dict[str, Any]]:
    return {stage["stage"]: stage for stage in estimate_prompt(PROMPT, options, runs)["stages"]}


@pytest.mark.usefixtures("measured_l4")
def test_an_estimate_for_that_card_follows_it() -> None:
    found = stages(gpu="L4")
    assert found["sample"]["seconds"] == pytest.approx(found["sample"]["flops"] / 250e12)
    assert found["decode"]["seconds"] == pytest.approx(found["decode"]["flops"] / 400e12)
    assert (found["sample"]["by"], found["sample"]["measured"]) == ("measured", True)
    lines = estimate_prompt(PROMPT, {"gpu": "L4"})["table"].split("\n")
    assert [line.split("|")[-2].strip() for line in lines if line.startswith("| sample")] == ["measured"]


def test_no_other_card_is_taken_for_faster_than_the_fastest_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def estimates(**speeds: Any) -> dict[str, dict[str, dict[str, Any]]]:
        (tmp_path / "speeds.json").write_text(json.dumps(speeds))
        read_speeds.cache_clear()
        return {name: stages(gpu=name) for name in ("L4", "H200", "A10")}

    monkeypatch.setattr(card_speeds, "SPEEDS", tmp_path / "speeds.json")
    before, after = estimates(), estimates(L4=[SAMPLE, FAST])
    assert [name for name in before if before[name] != after[name]] == ["L4", "H200"]
    sample, decode = after["H200"]["sample"], after["H200"]["decode"]
    assert sample["seconds"] == pytest.approx(sample["flops"] / 250e12), "0.4 of its 989 would be 396"
    assert decode == before["H200"]["decode"], "0.25 of 989 is less than 400"
    assert (sample["by"], sample["measured"]) == ("table", False)


@pytest.mark.usefixtures("measured_l4")
def test_runs_of_this_machine_count_before_it() -> None:
    found = stages([Measured("sample", "NVIDIA L4", 1e14, 6, 1.0)], gpu="L4")
    assert found["sample"]["by"] == found["decode"]["by"] == "earlier runs"
    assert found["decode"]["seconds"] == pytest.approx(found["decode"]["flops"] / 100e12), "as the sampler as a whole"


def test_what_is_shipped_is_of_cards_that_have_a_price() -> None:
    found = read_speeds(card_speeds.SPEEDS)
    assert set(found) <= {card.name for card in cards()}
    for name, stages in found.items():
        most = card_named(name).tflops * 1e12
        assert all(one.flops / one.seconds < most for one in stages), "no card is faster than its data sheet"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ([], "speeds.json"),
        ({"L4": SAMPLE}, "speeds.json"),
        ({"L4": [{**SAMPLE, "stage": "load"}]}, "L4"),
        ({"L4": [{**SAMPLE, "more": 1}]}, "L4"),
        ({"L4": [{"stage": "sample"}]}, "L4"),
        ({"L4": ["sample"]}, "L4"),
        ({"L4": [{**SAMPLE, "flops": 0}]}, "L4, flops"),
        ({"L4": [{**SAMPLE, "frames": "31"}]}, "L4, frames"),
        ({"L4": [{**SAMPLE, "seconds": float("nan")}]}, "L4, seconds"),
        ({"L4": [{**SAMPLE, "seconds": True}]}, "L4, seconds"),
    ],
)
def test_speeds_that_cannot_be_right_are_refused(content: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "speeds.json").write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        read_speeds(tmp_path / "speeds.json")
    assert caught.value.name == name
