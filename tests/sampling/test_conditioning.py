"""What prompts hold per frame, cut to the frames of a batch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from comfy.controlnet import T2IAdapter

from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.conditioning import can_stack, of_frames

PLAN = every_nth(9, Fraction(12), 4)  # frames 0, 4 and 8


def numbered(count: int, *shape: int) -> torch.Tensor:
    return torch.arange(float(count)).view(-1, *[1] * len(shape)).expand(-1, *shape)


def cut(text: torch.Tensor, frames: list[int], plan: Keyframes = PLAN, **options: Any) -> tuple[torch.Tensor, Any]:
    (((rows, left),),) = of_frames(([[text, options]],), plan, frames)
    return rows, left


def test_everything_with_a_row_per_frame_is_cut_to_the_frames() -> None:
    frames = [2, 3, 7]
    shapes = {"pooled_output": (5,), "mask": (8, 8), "concat_latent_image": (4, 8, 8), "concat_mask": (1, 8, 8)}
    options = {name: numbered(9, *shape) for name, shape in shapes.items()}
    text, left = cut(numbered(9, 77, 6), frames, **options)
    for value in (text, *left.values()):
        assert value.flatten(1)[:, 0].tolist() == frames


def test_a_row_per_keyframe_goes_to_the_nearest_frames_of_its_shot() -> None:
    text, left = cut(numbered(3, 77, 6), list(range(9)), mask=numbered(3, 8, 8))
    assert text[:, 0, 0].tolist() == left["mask"][:, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    shots = Keyframes((0, 6), 9, Fraction(12), (5,))
    assert cut(numbered(2, 77, 6), list(range(9)), shots)[0][:, 0, 0].tolist() == [0] * 5 + [1] * 4


def test_what_is_the_same_for_all_frames_stays() -> None:
    one, mask, guidance = torch.zeros(1, 77, 6), torch.zeros(9, 8), torch.zeros(9)
    text, left = cut(one, [2], mask=mask, guidance=guidance, strength=0.5)
    assert text is one and left["mask"] is mask and left["guidance"] is guidance and left["strength"] == 0.5


def test_hints_and_masks_of_controls_are_cut_together() -> None:
    control = T2IAdapter(None, 3, 8, "nearest-exact")
    control.set_cond_hint(numbered(9, 3, 8, 8), extra_concat=[numbered(9, 1, 8, 8)])
    _, left = cut(torch.zeros(1, 77, 6), [4, 8], control=control)
    cut_values = (left["control"].cond_hint_original, *left["control"].extra_concat_orig)
    assert [value.flatten(1)[:, 0].tolist() for value in cut_values] == [[4, 8]] * 2
    assert len(control.extra_concat_orig[0]) == 9, "the user's own stays as it was"


@pytest.mark.parametrize("name", ["pooled_output", "mask", "concat_latent_image"])
def test_prompts_with_rows_per_frame_share_no_batch(name: str) -> None:
    def both(rows: int) -> list[Any]:
        return [[[torch.zeros(1, 77, 6), {name: torch.zeros(rows, 4, 4)}]]] * 2

    assert can_stack(both(1)) and not can_stack(both(9))
