"""Rows of a batch: what the ControlNet sees, what is interpolated, how a clip is cut."""

from __future__ import annotations

from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.layout import Layout
from frugal_motion.nodes.sampling.parts import dense_part, sparse_part


@st.composite
def plans(draw: st.DrawFn) -> Keyframes:
    count = draw(st.integers(1, 40))
    cuts = draw(st.lists(st.integers(1, count - 1), unique=True, max_size=3)) if count > 1 else []
    return every_nth(count, Fraction(12), draw(st.integers(1, 12)), tuple(sorted(cuts)))


@given(plans(), st.integers(1, 3))
def test_keyframes_keep_their_residual_bit_for_bit(plan: Keyframes, chunks: int) -> None:
    layout = Layout.of(plan)
    residual = torch.randn(len(plan.frames) * chunks, 2, 3, generator=torch.Generator().manual_seed(0))
    spread = layout.spread(residual, chunks)
    assert spread.shape == (plan.frame_count * chunks, 2, 3)
    assert torch.equal(spread[layout.keyframe_rows(chunks)], residual)


@given(plans())
def test_residuals_are_linear_in_time_and_stop_at_cuts(plan: Keyframes) -> None:
    # A residual that is its frame number, plus 1000 per shot: linear inside a shot, apart between shots.
    shot = [sum(frame >= cut for cut in plan.cuts) for frame in range(plan.frame_count)]
    truth = torch.tensor([frame + 1000.0 * shot[frame] for frame in range(plan.frame_count)])
    spread = Layout.of(plan).spread(truth[list(plan.frames)], 1)
    torch.testing.assert_close(spread, truth, rtol=0, atol=1e-3)


@given(plans(), st.integers(1, 50))
def test_sparse_parts_take_every_keyframe_once(plan: Keyframes, rows: int) -> None:
    taken: list[int] = []
    part = sparse_part(plan, 0, rows)
    while part:
        assert 0 < len(part.frames) <= rows and part.keep == len(part.frames)
        taken += part.frames
        part = sparse_part(plan, part.next, rows)
    assert tuple(taken) == plan.frames


@given(plans(), st.integers(1, 50))
def test_dense_parts_keep_every_frame_once_and_know_both_neighbours(plan: Keyframes, rows: int) -> None:
    kept: list[int] = []
    part = dense_part(plan, 0, rows)
    while part:
        first, last = part.frames[0], part.frames[-1]
        kept += part.frames[: part.keep]
        whole, cut = Layout.of(plan), Layout.of(plan, first, last + 1)
        for row, frame in enumerate(part.frames[: part.keep]):
            assert cut.keyframes[cut.left[row]] + first == whole.keyframes[whole.left[frame]]
            assert cut.keyframes[cut.right[row]] + first == whole.keyframes[whole.right[frame]]
            assert cut.weight[row] == whole.weight[frame]
        part = dense_part(plan, part.next, rows)
    assert kept == list(range(plan.frame_count))
