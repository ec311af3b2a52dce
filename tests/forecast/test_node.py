"""The Cost Estimate node and the same for REST."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import folder_paths
import pytest

from frugal_motion.nodes.economy.prices import dollars
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast import workflow_estimate
from frugal_motion.nodes.forecast.node import FrugalCostEstimate
from frugal_motion.nodes.forecast.throughput import Measured
from frugal_motion.nodes.forecast.workflow_estimate import THIS_MACHINE, estimate_prompt, gpu_names, likely_cost
from frugal_motion.nodes.keyframes.keyframes import Keyframes

from .test_calibration import PROMPT as EDIT

pytestmark = pytest.mark.usefixtures("asset_folders")

PROMPT = EDIT | {"7": {"class_type": "FrugalCostEstimate", "inputs": {"gpu": "L4"}}}


def executed(**inputs: Any) -> Any:
    node = FrugalCostEstimate.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(prompt=PROMPT, unique_id="7")
    return node.execute(**inputs)


def test_the_node_estimates_the_workflow_it_stands_in() -> None:
    table, text, chart = executed(gpu="L4", budget=1e-7).args
    found = json.loads(text)
    assert found["gpu"] == "L4" and found["dollars"] > 0 and found["naive_dollars"] > 50 * found["dollars"]
    assert found["rows"] == {"unet": 6 * 10 * 2, "control": 6 * 10 * 2, "looks": 0}
    assert dollars(found["dollars"]) in table and "cannot be met" in table and "AWS g6.xlarge" in table
    assert chart.shape[0] == 1 and chart.shape[2:] == (768, 3) and 0 <= chart.min() < chart.max() <= 1


def test_wired_keyframes_are_counted_exactly() -> None:
    plan = Keyframes((0, 19), 20, Fraction(12))
    assert json.loads(executed(gpu="L4", keyframes=plan).args[1])["rows"]["unet"] == 2 * 10 * 2


def test_spot_is_cheaper_and_a_price_of_ones_own_counts() -> None:
    table, spot, own = (
        estimate_prompt(PROMPT, {"gpu": "L4", **options})["price"] for options in ({}, {"spot": True}, {"price": 3.0})
    )
    assert spot < table < own == 3.0


def test_this_machine_is_known_by_its_runs() -> None:
    unknown = estimate_prompt(PROMPT, {"gpu": THIS_MACHINE})
    assert unknown["seconds"] is None and "not known" in unknown["table"]
    runs = [Measured("sample", "cpu", 1e12, 6, 10.0), Measured("load", "cpu", 0.0, 20, 0.5)]
    found = estimate_prompt(PROMPT, {}, runs)
    flops = {stage["stage"]: stage["flops"] for stage in found["stages"]}
    assert found["gpu"] == "cpu"
    assert found["seconds"] == pytest.approx((flops["sample"] + flops["decode"]) / 1e11)
    assert next(stage for stage in found["stages"] if stage["stage"] == "load")["seconds"] == pytest.approx(0.5)


def test_runs_of_a_card_count_for_that_card() -> None:
    runs = [Measured("sample", "NVIDIA L4", 1e15, 6, 1.0)]
    (fast, table), other = (
        (estimate_prompt(PROMPT, {"gpu": "L4"}, given)["seconds"] for given in (runs, [])),
        estimate_prompt(PROMPT, {"gpu": "T4"}, runs)["seconds"],
    )
    assert fast < table < other


def test_a_card_of_ones_own_can_be_chosen() -> None:
    card = {
        "name": "RTX 3060 Ti", "devices": ["RTX 3060 Ti"], "memory_gb": 8, "tflops": 32.4, "on_demand": 0.1,
        "spot": 0.05, "date": "2026-11-23", "source": "mine",
    }  # fmt: skip
    folder = Path(folder_paths.get_user_directory()) / "frugal-motion"
    folder.mkdir(parents=True)
    (folder / "prices.json").write_text(json.dumps([card]))
    assert "RTX 3060 Ti" in gpu_names()
    assert estimate_prompt(PROMPT, {"gpu": "RTX 3060 Ti"})["price"] == 0.1


def test_a_budget_without_a_price_says_so() -> None:
    found = estimate_prompt(PROMPT, {"budget": 0.02})
    assert found["advice"] is None and "needs a price" in found["table"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"gpu": "Voodoo"}, "gpu"),
        ({"price": -1}, "price"),
        ({"price": "2"}, "price"),
        ({"price": float("nan")}, "price"),
        ({"price": 1001}, "price"),
        ({"budget": -0.1}, "budget"),
        ({"budget": float("inf")}, "budget"),
        ({"spot": "yes"}, "spot"),
        ({"unknown": 1}, "options"),
        ({"keyframes": {"frames": [0]}}, "options"),
        ({"keyframes": 3}, "options"),
        ({"keyframes": {"frames": [0], "frame_count": 1, "frame_rate": "x", "cuts": []}}, "options"),
        ({"keyframes": {"frames": [0], "frame_count": 1, "frame_rate": "1/0", "cuts": []}}, "options"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError) as caught:
        estimate_prompt(PROMPT, options)
    assert caught.value.name == name


def test_the_answer_is_json() -> None:
    assert json.loads(json.dumps(estimate_prompt(PROMPT, {"gpu": "L4", "budget": 0.001}), allow_nan=False))


def test_what_a_job_will_cost_is_told_by_runs_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert likely_cost(PROMPT) is None, "no run has shown how fast this machine is"
    runs = [Measured("sample", "cpu", 1e12, 6, 10.0), Measured("load", "cpu", 0.0, 20, 0.5)]
    monkeypatch.setattr(workflow_estimate, "measured_runs", lambda: runs)
    monkeypatch.setattr(workflow_estimate, "price_here", lambda: 36.0)
    found = likely_cost(PROMPT)
    assert found["seconds"] == pytest.approx(estimate_prompt(PROMPT, {}, runs)["seconds"], abs=0.001)
    assert found["dollars"] == pytest.approx(found["seconds"] / 100, abs=2e-5)
    assert likely_cost({"1": {"class_type": "PreviewAny", "inputs": {}}}) is None
