"""Values come back exactly."""

from __future__ import annotations

import json
from collections import OrderedDict
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from comfy.clip_vision import Output
from comfy.nested_tensor import NestedTensor
from node_helpers import conditioning_set_values
from safetensors import SafetensorError
from safetensors.torch import save_file

from frugal_motion.nodes.caching.tree_codec import NotStorable
from frugal_motion.nodes.caching.values import VALUES
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.geometry import Region
from nodes import unCLIPConditioning


def roundtrip(value: object, path: Path) -> object:
    VALUES.save(value, path / "value.safetensors")
    return VALUES.load(path / "value.safetensors")


def test_lists_of_tensors_and_conditioning(tmp_path: Path) -> None:
    image = torch.rand(2, 4, 4, 3)
    value = [image, [image.half(), {"pooled_output": torch.rand(1, 8), "guidance": 3.5, "area": (1, 2), "mask": None}]]
    back = roundtrip(value, tmp_path)
    assert isinstance(back, list) and torch.equal(back[0], image)
    assert back[1][0].dtype == torch.float16 and torch.equal(back[1][0], image.half())
    assert back[1][1]["area"] == (1, 2) and back[1][1]["mask"] is None and back[1][1]["guidance"] == 3.5


def test_three_items_stay_three(tmp_path: Path) -> None:
    items = [torch.full((2, 2), float(i)) for i in range(3)]
    back = roundtrip(items, tmp_path)
    assert isinstance(back, list) and [float(item[0, 0]) for item in back] == [0, 1, 2]


def test_values_of_the_pack(tmp_path: Path) -> None:
    keypoints = np.random.default_rng(0).random((5, 2, 18, 3), np.float32)
    motion = Motion(keypoints, Fraction(30000, 1001), 640, 480, Region("abc", 0.25, 0.0, 0.5, 1.0))
    plan = every_nth(10, Fraction(12), 4, (5,))
    back = roundtrip([motion, plan], tmp_path)
    assert isinstance(back, list) and back[1] == plan
    assert np.array_equal(back[0].keypoints, keypoints) and back[0].frame_rate == Fraction(30000, 1001)


def test_views_of_one_tensor(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    back = roundtrip([base[1:], base.T], tmp_path)
    assert isinstance(back, list) and torch.equal(back[0], base[1:]) and torch.equal(back[1], base.T)


def test_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotStorable, match="Linear cannot be cached"):
        VALUES.save([torch.nn.Linear(1, 1)], tmp_path / "x.safetensors")


def test_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "value.safetensors"
    VALUES.save([torch.rand(8)], path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SafetensorError):
        VALUES.load(path)


def test_pictures_of_256_levels_take_a_byte_each(tmp_path: Path) -> None:
    levels = torch.randint(0, 256, (3, 20, 30, 3)).float() / 255
    other = torch.rand(3, 20, 30, 3)
    for number, (value, least) in enumerate(((levels, 1), (other, 4))):
        path = tmp_path / f"{number}.safetensors"
        VALUES.save([value], path)
        assert torch.equal(VALUES.load(path)[0], value), "to the last bit"
        assert least * value.numel() <= path.stat().st_size < least * value.numel() + 500


@pytest.mark.parametrize("value", [1.5, -0.5, float("nan"), 256 / 255])
def test_what_is_no_level_is_kept_as_it_is(tmp_path: Path, value: float) -> None:
    picture = torch.zeros(2, 4, 4, 3)
    picture[1, 2, 3, 1] = value
    VALUES.save([picture], tmp_path / "a.safetensors")
    assert torch.equal(VALUES.load(tmp_path / "a.safetensors")[0].nan_to_num(7), picture.nan_to_num(7))


def bits(value: torch.Tensor) -> torch.Tensor:
    return value.contiguous().reshape(-1).view(torch.uint8)


def alike(one: Any, other: Any) -> bool:
    """Whether both are the same in every type, shape and bit, also inside objects."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(bits(one), bits(other))
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return alike(vars(one), vars(other)) if hasattr(one, "__dict__") else one == other


@pytest.mark.parametrize(
    "value",
    [
        [torch.zeros(2, 3, dtype=dtype) for dtype in (torch.bool, torch.int64, torch.uint8, torch.float64)],
        [
            torch.ones(2, dtype=torch.bfloat16),
            torch.ones(2).to(torch.float8_e4m3fn),
            torch.tensor(7),
            torch.zeros(0, 3),
        ],
        [np.float32(1.5), np.int64(3), np.bool_(True), np.float64(0.1), np.uint8(255), np.arange(6.0).reshape(2, 3)],
        [torch.float16, torch.bfloat16, Fraction(30000, 1001), torch.Size((1, 3, 224))],
        [-0.0, float("inf"), 2**70, True, 1, 1.0, None, "\ud800", ""],
        {1: "a", (2, 3): [torch.ones(1)], None: {"b": ()}},
        [
            [
                torch.zeros(1, 7, 6),
                {"reference_latents": [torch.ones(1, 16, 4, 4)] * 2, "area": ("percentage", 0.5, 1, 0, 0)},
            ]
        ],
        [{"samples": NestedTensor([torch.ones(1, 4, 2), torch.zeros(1, 3)]), "noise_mask": None}],
    ],
    ids=["numbers", "small numbers", "of numpy", "types", "plain", "keys", "conditioning", "nested"],
)
def test_everything_comes_back_in_its_own_type(tmp_path: Path, value: Any) -> None:
    assert alike(roundtrip(value, tmp_path), value)


def clip_vision_output() -> Output:
    """As ComfyUI's CLIP Vision Encode gives it."""
    output = Output()
    output["last_hidden_state"] = torch.rand(1, 5, 8)
    output["image_embeds"] = torch.rand(1, 8)
    output["image_sizes"] = [torch.Size((3, 224, 224))]
    output["penultimate_hidden_states"] = torch.rand(1, 5, 8).half()
    output["mm_projected"] = None
    return output


def test_conditioning_with_pictures_that_a_model_has_seen(tmp_path: Path) -> None:
    """Of Wan and HunyuanVideo from pictures, and of unCLIP."""
    plain = [[torch.rand(1, 7, 6), {"pooled_output": torch.rand(1, 6)}]]
    seen = conditioning_set_values(plain, {"clip_vision_output": clip_vision_output()})
    (unclip,) = unCLIPConditioning().apply_adm(seen, clip_vision_output(), 0.8, 0.1)
    back = roundtrip(unclip, tmp_path)
    assert alike(back, unclip)
    assert back[0][1]["clip_vision_output"].penultimate_hidden_states.dtype == torch.float16  # type: ignore[index]


class Point(NamedTuple):
    x: int


class Kind(str, Enum):
    A = "a"


@pytest.mark.parametrize(
    "value",
    [Point(1), Kind.A, OrderedDict(a=1), SimpleNamespace(a=1), {1, 2}, object()],
    ids=lambda v: type(v).__name__,
)
def test_what_would_come_back_as_something_else_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(NotStorable, match="cannot be cached"):
        VALUES.save([value], tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_file_cannot_ask_for_any_class(tmp_path: Path) -> None:
    tree = {"bag": "subprocess.Popen", "fields": {"dict": {"a": 1}}}
    save_file({"0": torch.zeros(1)}, tmp_path / "x.safetensors", metadata={"tree": json.dumps(tree)})
    with pytest.raises(ValueError, match=r"no subprocess\.Popen is known"):
        VALUES.load(tmp_path / "x.safetensors")
