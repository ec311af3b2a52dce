"""What prompts hold per frame, cut to the frames of a batch."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from comfy.controlnet import T2IAdapter

from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.conditioning import can_stack, of_frames, stack

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


def test_lists_of_tensors_are_cut_item_by_item() -> None:
    """What ReferenceLatent appends to; one reference for all frames stays."""
    per_frame, one = numbered(9, 16, 4, 4), torch.zeros(1, 16, 6, 6)
    _, left = cut(torch.zeros(1, 77, 6), [2, 7], reference_latents=[per_frame, one])
    first, second = left["reference_latents"]
    assert first.flatten(1)[:, 0].tolist() == [2, 7] and second is one


def prompt(**options: Any) -> Any:
    return [[torch.zeros(1, 77, 6), options]]


def references(*sizes: int, value: float = 0.0, rows: int = 1) -> list[torch.Tensor]:
    return [torch.full((rows, 16, size, size), value) for size in sizes]


@pytest.mark.parametrize(
    ("one", "other", "fit"),
    [
        ({"reference_latents": references(4, 6)}, {"reference_latents": references(4, 6, value=1.0)}, True),
        ({"reference_latents": references(4, 6)}, {"reference_latents": references(4)}, False),
        ({"reference_latents": references(4)}, {"reference_latents": references(6)}, False),
        ({"reference_latents": references(4)}, {"reference_latents": None}, False),
        ({"reference_latents": references(4)}, {}, False),
        ({"reference_latents": references(4, rows=2)}, {"reference_latents": references(4, rows=2)}, False),
        ({"concat_latent_image": torch.zeros(1, 4, 8, 8)}, {"concat_latent_image": torch.ones(1, 4, 8, 8)}, True),
        ({"pooled_output": torch.zeros(1, 5)}, {"pooled_output": torch.zeros(1, 6)}, False),
        ({"reference_latents_method": "offset"}, {"reference_latents_method": "index"}, False),
        ({"guidance": 3.5}, {"guidance": 4.0}, False),
        ({"guidance": None}, {"guidance": None}, True),
        ({"strength": 1}, {"strength": 1.0}, True),
        ({"other": [torch.zeros(1, 3)]}, {"other": [torch.zeros(1, 3)]}, True),
        ({"other": [torch.zeros(1, 3)]}, {"other": [torch.ones(1, 3)]}, False),
        ({"other": {"a": (torch.zeros(1, 3), 2)}}, {"other": {"a": (torch.zeros(1, 3), 2)}}, True),
        ({"other": {"a": (torch.zeros(1, 3), 2)}}, {"other": {"a": (torch.zeros(1, 3), 3)}}, False),
        ({"other": torch.zeros(1, 3)}, {"other": torch.zeros(1, 3).half()}, False),
        ({"other": torch.zeros(1, 3)}, {"other": 0}, False),
        ({"clip_vision_output": SimpleNamespace(a=1)}, {"clip_vision_output": SimpleNamespace(a=1)}, False),
    ],
)
def test_prompts_share_a_batch_where_they_differ_in_rows_alone(
    one: dict[str, Any], other: dict[str, Any], fit: bool
) -> None:
    """What cannot be compared is taken for different, and never raises."""
    assert can_stack([prompt(**one), prompt(**other)]) == fit


def test_lists_of_tensors_are_stacked_item_by_item() -> None:
    prompts = [prompt(reference_latents=references(4, 6, value=value), steps=2) for value in (1.0, 2.0)]
    ((_, options),) = stack(prompts, [3, 2])
    assert [tuple(item.shape) for item in options["reference_latents"]] == [(5, 16, 4, 4), (5, 16, 6, 6)]
    assert [item[:, 0, 0, 0].tolist() for item in options["reference_latents"]] == [[1, 1, 1, 2, 2]] * 2
    assert options["steps"] == 2


def test_text_is_repeated_only_for_models_that_do_not_notice() -> None:
    short, long = [[torch.zeros(1, 7, 6), {}]], [[torch.zeros(1, 14, 6), {}]]
    assert can_stack([short, long]) and not can_stack([short, long], repeats_text=False)
    assert can_stack([short, short], repeats_text=False)


def test_prompts_with_a_row_for_each_row_of_their_latent_share_a_batch() -> None:
    one, two = (prompt(concat_latent_image=torch.full((rows, 4, 3, 8, 8), float(rows))) for rows in (1, 2))
    assert not can_stack([one, two]) and not can_stack([one, two], rows=[1, 3])
    assert can_stack([one, two], rows=[1, 2])
    ((_, options),) = stack([one, two], [1, 2])
    assert options["concat_latent_image"][:, 0, 0, 0, 0].tolist() == [1, 2, 2]


def test_what_clip_saw_is_stacked_and_the_users_own_stays() -> None:
    def seen(value: float) -> Any:
        tensors = {"penultimate_hidden_states": torch.full((1, 5, 6), value), "mm_projected": None}
        return SimpleNamespace(**tensors)

    prompts = [prompt(clip_vision_output=seen(value)) for value in (1.0, 2.0)]
    assert can_stack(prompts)
    ((_, options),) = stack(prompts, [1, 1])
    assert options["clip_vision_output"].penultimate_hidden_states[:, 0, 0].tolist() == [1, 2]
    assert len(prompts[0][0][1]["clip_vision_output"].penultimate_hidden_states) == 1
    other = prompt(
        clip_vision_output=SimpleNamespace(penultimate_hidden_states=torch.zeros(1, 7, 6), mm_projected=None)
    )
    assert not can_stack([prompts[0], other])


@pytest.mark.parametrize("name", ["vace_strength", "strength", "guidance"])
def test_numbers_must_be_equal(name: str) -> None:
    assert can_stack([prompt(**{name: [0.5]}), prompt(**{name: [0.5]})])
    assert not can_stack([prompt(**{name: [0.5]}), prompt(**{name: [1.0]})])
