"""Batches of short clips, and running out of memory, with a small model on the CPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import comfy.utils
import pytest
import torch

from frugal_motion.bench.gpu_day import micro_batches, nets
from frugal_motion.bench.gpu_day.likeness import relative_l2
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.micro_batches import Batches, ShortClips, Work
from frugal_motion.bench.gpu_day.setting import Setting

WORK = Work(size=32, frames=2, steps=1, rounds=1)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_ENABLED", False)


@pytest.fixture
def clips() -> Iterator[ShortClips]:
    with torch.inference_mode():
        yield ShortClips(nets.sd15(True), WORK)


def far_apart(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    return max(map(relative_l2, found, expected))


def test_batches_hold_so_many_clips_and_change_nothing(clips: ShortClips) -> None:
    batches = Batches(clips)
    batches.sample(1)
    batches.sample(4)
    assert batches.calls == {1: [[2, 8]], 4: [[8, 2]]}
    assert len(batches.results[4]) == 8
    assert far_apart(batches.results[4], batches.results[1]) < 1e-4


def test_each_clip_is_another(clips: ShortClips) -> None:
    found = clips.sampled(8)
    assert min(relative_l2(found[a], found[b]) for a in range(8) for b in range(a)) > 0.1


def test_more_rows_than_fit_are_halved(clips: ShortClips) -> None:
    expected = clips.sampled(8)
    clips.counter.rows.clear()
    clips.counter.most = 5
    found = clips.sampled(8)
    assert clips.counter.calls() == [[16, 1], [8, 1], [4, 4]]
    assert far_apart(found, expected) < 1e-4


def by_name(found: Iterable[Measurement | dict[str, Any]]) -> tuple[dict[str, Measurement], dict[str, Any]]:
    figures: dict[str, Measurement] = {}
    facts: dict[str, Any] = {}
    for one in found:
        if isinstance(one, dict):
            facts |= one
        else:
            assert one.name not in figures
            figures[one.name] = one
    return figures, facts


def test_a_rehearsal_measures_the_most_wanted_first(tmp_path: Path) -> None:
    setting = Setting(True, 60.0, tmp_path, tmp_path, tmp_path, tmp_path / "results.json")
    figures, facts = by_name(micro_batches.measure(setting))
    names = list(figures)
    assert names.index("8_clips.over_1") < names.index("4_clips.seconds") < names.index("out_of_memory.went_on")
    assert {name: one.goal for name, one in figures.items() if one.goal is not None} == {
        "clips_per_second_ratio": 1.43,
        "8_clips.relative_l2": 0.02,
        "4_clips.relative_l2": 0.02,
        "2_clips.relative_l2": 0.02,
        "out_of_memory.went_on": 1.0,
        "out_of_memory.relative_l2": 0.02,
    }
    assert all(one.is_reached for name, one in figures.items() if one.goal and name != "clips_per_second_ratio")
    assert figures["other_hints.relative_l2"].value > 0.02 < figures["other_positive.relative_l2"].value
    assert figures["8_clips.clips_per_second"].value == pytest.approx(8 / figures["8_clips.seconds"].value)
    assert facts["rows_in_calls"] == {"1": [[1, 8]], "8": [[8, 1]], "2": [[2, 4]], "4": [[4, 2]]}
    assert facts["out_of_memory"] == {
        "room_bytes": 0,
        "rows_in_calls": [[8, 1], [4, 1], [2, 4]],
        "times": 0,
        "weights_stayed": True,
        "error": "",
    }


def test_a_batch_that_cannot_go_on_is_a_figure_too(clips: ShortClips) -> None:
    batches = Batches(clips)
    batches.sample(8)
    figures, facts = by_name(micro_batches.out_of_memory(batches, 0, 0))
    assert figures["out_of_memory.went_on"].is_reached is False
    assert "a latent of 4x4" in figures["out_of_memory.went_on"].note
    assert facts["out_of_memory"]["rows_in_calls"] == [[16, 1], [8, 1], [4, 1], [2, 1], [1, 1]]
    assert "out_of_memory.relative_l2" not in figures


def test_memory_that_did_not_run_out_proves_nothing(clips: ShortClips) -> None:
    batches = Batches(clips)
    batches.sample(8)
    figures, _ = by_name(micro_batches.out_of_memory(batches, 0, math.inf))
    assert figures["out_of_memory.went_on"].is_reached is False
    assert figures["out_of_memory.rows_after"].value == 16
