"""Rows of a batch: what the ControlNet sees, what is interpolated, how a clip is cut."""

from __future__ import annotations

from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.layout import Layout
from frugal_motion.nodes.sampling.parts import Cut, Position, after, batch_from, dense_part, sparse_part


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


@given(st.lists(plans(), min_size=1, max_size=4), st.integers(1, 30), st.sampled_from((sparse_part, dense_part)))
def test_batches_take_every_clip_s_rows_once_and_in_order(clips: list[Keyframes], rows: int, cut: Cut) -> None:
    kept: list[list[int]] = [[] for _ in clips]
    position, order = Position(), []
    while parts := batch_from(clips, cut, position, rows):
        position = after(parts)
        assert sum(len(part.frames) for part in parts) <= rows or len(parts) == 1
        for part in parts:
            kept[part.clip] += part.frames[: part.keep]
            order.append(part.clip)
    assert order == sorted(order)
    for plan, frames in zip(clips, kept, strict=True):
        assert tuple(frames) == (plan.frames if cut is sparse_part else tuple(range(plan.frame_count)))


@given(st.lists(plans(), min_size=1, max_size=4), st.integers(1, 3))
def test_joined_clips_are_interpolated_each_for_itself(clips: list[Keyframes], chunks: int) -> None:
    layouts = [Layout.of(plan) for plan in clips]
    residuals = [
        torch.randn(chunks, len(plan.frames), 2, generator=torch.Generator().manual_seed(i))
        for i, plan in enumerate(clips)
    ]
    joined = Layout.joined(layouts)
    together = joined.spread(torch.cat(residuals, dim=1).flatten(0, 1), chunks).view(chunks, joined.frames, 2)
    apart = [
        layout.spread(residual.flatten(0, 1), chunks).view(chunks, layout.frames, 2)
        for layout, residual in zip(layouts, residuals, strict=True)
    ]
    assert torch.equal(together, torch.cat(apart, dim=1))
