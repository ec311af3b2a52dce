"""The speeds that a GPU day leaves for Cost Estimate."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.bench.gpu_day import results
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.results import PartResult, Results
from frugal_motion.bench.gpu_day.setting import Setting
from frugal_motion.bench.gpu_day.speeds import measure, speeds_in
from frugal_motion.nodes.forecast.throughput import Measured

SAMPLE = Measured("sample", "NVIDIA H200", 4e15, 31, 10.0)
RUNS = [
    SAMPLE,
    Measured("sample", "NVIDIA H200", 1e15, 31, 2.5),
    Measured("upscale", "NVIDIA H200", 3e14, 31, 3.0),
    Measured("figures", "cpu", 1e9, 100, 3.0),
    Measured("load", "cpu", 0.0, 120, 1.0),
    Measured("encode", "NVIDIA H200", 0.0, 31, 1.0),
    Measured("decode", "NVIDIA H200", 1e12, 31, 0.0),
]


def found(tmp_path: Path, card: str, facts: dict[str, Any]) -> tuple[dict[str, Measurement], dict[str, Any]]:
    """Figures by their names, and facts."""
    part = PartResult("ten_seconds", "An edit of 10 seconds", "cut", facts=facts)
    path = tmp_path / "card.json"
    results.write(path, Results({"card": card}, False, 1.0, (PartResult("other", "Other"), part)))
    yielded = list(measure(Setting(False, 1.0, tmp_path, tmp_path, tmp_path, path)))
    figures = {one.name: one for one in yielded if isinstance(one, Measurement)}
    return figures, {key: value for one in yielded if isinstance(one, dict) for key, value in one.items()}


def test_stages_are_told_with_their_share_of_the_data_sheet(tmp_path: Path) -> None:
    figures, _ = found(tmp_path, "NVIDIA H200", {"measured": list(map(asdict, RUNS))})
    values = {name: one.value for name, one in figures.items()}
    assert values == pytest.approx({
        "sample.tflops": 400, "sample.share": 400 / 989, "upscale.tflops": 100, "upscale.share": 100 / 989,
    })  # fmt: skip
    assert figures["sample.share"].note == "of 989 TFLOP/s; 0.4 is taken for cards that were not measured"
    kept = [{key: value for key, value in asdict(one).items() if key != "device"} for one in RUNS[:3]]
    assert speeds_in(results.read(tmp_path / "card.json")) == kept, "what Cost Estimate can take, and no more"


def test_a_card_without_a_data_sheet_has_its_speed(tmp_path: Path) -> None:
    figures, _ = found(tmp_path, "Voodoo 2", {"measured": [asdict(SAMPLE)]})
    assert list(figures) == ["sample.tflops"]


@pytest.mark.parametrize("facts", [{}, {"measured": []}, {"measured": ["odd", {"stage": "sample"}]}])
def test_a_day_that_has_told_nothing_is_said_to(facts: dict[str, Any], tmp_path: Path) -> None:
    figures, said = found(tmp_path, "NVIDIA H200", facts)
    assert figures == {} and "no part has told" in said["why"]
