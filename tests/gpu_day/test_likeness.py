"""How near tensors are to others, against what can be said by hand."""

from __future__ import annotations

import math

import pytest
import torch

from frugal_motion.bench.gpu_day.likeness import EQUAL_DB, SPOILED_DB, SPOILED_L2, psnr, relative_l2

BLACK = torch.zeros(1, 4, 4, 3)


@pytest.mark.parametrize(
    ("found", "decibels"),
    [(0.1, 20), (1e-9, EQUAL_DB), (0.0, EQUAL_DB), (math.nan, SPOILED_DB), (math.inf, SPOILED_DB)],
)
def test_pictures_are_compared_in_decibels(found: float, decibels: float) -> None:
    assert psnr(BLACK + found, BLACK) == pytest.approx(decibels, abs=1e-4)
    assert psnr(BLACK, (BLACK + found).half()) == pytest.approx(decibels, abs=0.01)


@pytest.mark.parametrize(
    ("found", "apart"),
    [([3.0, 4.0], 0.0), ([3.0, 4.5], 0.1), ([math.nan, 4.0], SPOILED_L2), ([math.inf, 4.0], SPOILED_L2)],
)
def test_latents_are_compared_by_their_size(found: list[float], apart: float) -> None:
    assert relative_l2(torch.tensor(found), torch.tensor([3.0, 4.0])) == pytest.approx(apart)


def test_what_overflows_half_precision_on_the_way_does_not_count() -> None:
    large = torch.full((1000,), 1000.0, dtype=torch.half)
    assert relative_l2(large * 1.5, large) == pytest.approx(0.5)
