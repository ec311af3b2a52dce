"""Rows of a batch: what the ControlNet sees, what is interpolated, how a clip is cut."""

from __future__ import annotations

from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.layout import Layout
from frugal_motion.nodes.sampling.parts import Mode, Position, RowPlan, after, batch_from


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


@st.composite
def clips(draw: st.DrawFn) -> tuple[Keyframes, set[int] | None]:
    """A plan, and which frames are to be redrawn."""
    plan = draw(plans())
    return plan, draw(st.none() | st.sets(st.integers(0, plan.frame_count - 1)))


@given(clips(), st.integers(1, 50))
def test_sparse_parts_take_every_keyframe_that_is_redrawn_once(
    clip: tuple[Keyframes, set[int] | None], rows: int
) -> None:
    plan, redrawn = clip
    taken: list[int] = []
    sparse = RowPlan.of("sparse", plan, redrawn)
    part = sparse.part(0, rows)
    while part:
        assert 0 < len(part.frames) <= rows and part.kept == tuple(range(len(part.frames)))
        taken += part.frames
        part = sparse.part(part.next, rows)
    assert taken == [frame for frame in plan.frames if redrawn is None or frame in redrawn]
    assert sparse.frames == sparse.redrawn == tuple(taken)


@given(clips(), st.integers(1, 50))
def test_dense_parts_keep_every_frame_once_and_know_both_neighbours(
    clip: tuple[Keyframes, set[int] | None], rows: int
) -> None:
    plan, redrawn = clip
    kept: list[int] = []
    dense, whole = RowPlan.of("dense", plan, redrawn), Layout.of(plan)
    part = dense.part(0, rows)
    while part:
        assert part.kept
        kept += [part.frames[row] for row in part.kept]
        cut = Layout.of(plan, part.frames)
        for row in part.kept:
            frame = part.frames[row]
            for mine, all_frames in ((cut.left[row], whole.left[frame]), (cut.right[row], whole.right[frame])):
                assert part.frames[cut.keyframes[mine]] == whole.keyframes[all_frames]
            assert cut.weight[row] == whole.weight[frame]
        part = dense.part(part.next, rows)
    assert kept == (sorted(redrawn) if redrawn is not None else list(range(plan.frame_count)))
    assert dense.redrawn == tuple(kept)


@given(plans(), st.data())
def test_no_row_is_taken_for_nothing(plan: Keyframes, data: st.DataObject) -> None:
    """Beside the frames that are redrawn, only keyframes that bracket one of them."""
    redrawn = data.draw(st.sets(st.integers(0, plan.frame_count - 1)))
    brackets = [plan.bracket(frame) for frame in redrawn]
    needed = {plan.frames[number] for bracket in brackets for number in (bracket.left, bracket.right)}
    assert set(RowPlan.of("dense", plan, redrawn).frames) == redrawn | needed


@given(st.lists(clips(), min_size=1, max_size=4), st.integers(1, 30), st.sampled_from(("sparse", "dense")))
def test_batches_take_every_clip_s_rows_once_and_in_order(
    several: list[tuple[Keyframes, set[int] | None]], rows: int, mode: Mode
) -> None:
    row_plans = [RowPlan.of(mode, *clip) for clip in several]
    kept: list[list[int]] = [[] for _ in several]
    position, order = Position(), []
    while parts := batch_from(row_plans, position, rows):
        position = after(parts)
        assert sum(len(part.frames) for part in parts) <= rows or len(parts) == 1
        for part in parts:
            kept[part.clip] += [part.frames[row] for row in part.kept]
            order.append(part.clip)
    assert order == sorted(order)
    for (plan, redrawn), frames in zip(several, kept, strict=True):
        of_mode = plan.frames if mode == "sparse" else range(plan.frame_count)
        assert frames == [frame for frame in of_mode if redrawn is None or frame in redrawn]


@given(st.lists(plans(), min_size=1, max_size=4), st.integers(1, 3))
def test_joined_clips_are_interpolated_each_for_itself(several: list[Keyframes], chunks: int) -> None:
    layouts = [Layout.of(plan) for plan in several]
    residuals = [
        torch.randn(chunks, len(plan.frames), 2, generator=torch.Generator().manual_seed(i))
        for i, plan in enumerate(several)
    ]
    joined = Layout.joined(layouts)
    together = joined.spread(torch.cat(residuals, dim=1).flatten(0, 1), chunks).view(chunks, joined.frames, 2)
    apart = [
        layout.spread(residual.flatten(0, 1), chunks).view(chunks, layout.frames, 2)
        for layout, residual in zip(layouts, residuals, strict=True)
    ]
    assert torch.equal(together, torch.cat(apart, dim=1))
