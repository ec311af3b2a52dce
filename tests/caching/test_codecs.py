"""Values come back exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from frugal_motion.nodes.caching.codecs import NotStorable
from frugal_motion.nodes.caching.values import VALUES
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.geometry import Region


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
