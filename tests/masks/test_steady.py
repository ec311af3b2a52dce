"""Masks that are grown, feathered and steadied."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.masks.person_masks import PersonMasks, packed
from frugal_motion.nodes.masks.steady import MaskSettings, SteadyMasks
from frugal_motion.nodes.masks.stream import MaskStream
from frugal_motion.nodes.video.stream import VideoInfo

from .conftest import masks_of

SIZE = 128


def disc(column: float, row: float, radius: float) -> np.ndarray:
    """With a soft edge one pixel wide, as a mask of what is seen."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distance = radius - np.hypot(columns - column, rows - row)
    return (np.clip(distance + 0.5, 0, 1) * 255).round().astype(np.uint8)


def clip(discs: list[np.ndarray]) -> PersonMasks:
    return masks_of(VideoInfo(SIZE, SIZE, Fraction(12), len(discs)), discs)


def radius_of(mask: np.ndarray) -> float:
    return float(np.sqrt(mask.astype(float).sum() / 255 / np.pi))


@pytest.mark.parametrize("grow", [-8, 0, 2.5, 12])
@pytest.mark.parametrize("feather", [0, 1, 6])
def test_a_disc_grows_by_as_many_pixels_and_ends_over_as_many(grow: float, feather: float) -> None:
    found = SteadyMasks(clip([disc(64, 64, 30)]), MaskSettings(grow=grow, feather=feather)).mask(0)
    assert radius_of(found) == pytest.approx(30 + grow, abs=0.6)
    edge = found[64, 64:]
    assert (np.diff(edge.astype(int)) <= 0).all()
    assert ((edge > 8) & (edge < 247)).sum() == pytest.approx(max(feather, 1), abs=1.5)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 0.8))
def test_an_outline_that_trembles_comes_to_rest(seed: int, size: float) -> None:
    radii = 30 + size * np.random.default_rng(seed).standard_normal(48).clip(-1.5, 1.5)
    raw = [disc(64, 64, radius) for radius in radii]
    steady = SteadyMasks(clip(raw), MaskSettings())
    found = [radius_of(steady.mask(frame)) for frame in range(48)]

    def trembling(values: list[float]) -> float:
        return float(np.abs(np.diff(values, 2)).mean())

    assert trembling(found) < 0.7 * trembling([radius_of(one) for one in raw])


@pytest.mark.parametrize("path", [lambda t: 30 + 5 * t, lambda t: 64 + 30 * np.sin(t), lambda t: 30 + t * t / 2])
def test_an_outline_that_moves_stays_where_it_is(path: Callable[[float], float]) -> None:
    raw = [disc(path(frame), 64, 20) for frame in range(10)]
    steady = SteadyMasks(clip(raw), MaskSettings())
    for frame in range(10):
        difference = np.abs(steady.mask(frame).astype(int) - raw[frame])
        assert difference.mean() < 1, "levels of 255"


def test_a_hole_of_one_frame_is_filled_and_one_that_stays_is_not() -> None:
    whole, holed = disc(64, 64, 30), disc(64, 64, 30)
    holed[58:70, 58:70] = 0
    flicker = SteadyMasks(clip([whole, holed, whole]), MaskSettings())
    assert flicker.mask(1)[60:68, 60:68].min() > 200
    lasting = SteadyMasks(clip([holed] * 3), MaskSettings())
    assert lasting.mask(1)[60:68, 60:68].max() < 60


def test_nobody_and_everywhere() -> None:
    nothing, everything = np.zeros((SIZE, SIZE), np.uint8), np.full((SIZE, SIZE), 255, np.uint8)
    grown = SteadyMasks(clip([nothing, everything]), MaskSettings(grow=10, feather=4))
    np.testing.assert_array_equal(grown.mask(0), nothing)
    np.testing.assert_array_equal(grown.mask(1), everything)


def test_masks_are_read_as_grey_frames_from_anywhere() -> None:
    raw = [disc(30 + 4 * frame, 64, 20) for frame in range(11)]
    stream = MaskStream(clip(raw), MaskSettings(grow=2))
    whole = np.concatenate(list(stream.chunks(4)))
    assert whole.shape == (11, SIZE, SIZE, 3)
    np.testing.assert_array_equal(np.concatenate(list(stream.section(5, 9, 3))), whole[5:9])
    np.testing.assert_array_equal(stream.frames_at([2, 10]), whole[[2, 10]])
    np.testing.assert_array_equal(whole[..., 0], whole[..., 2])


@pytest.mark.parametrize(
    ("given", "name"), [({"grow": 300}, "grow"), ({"feather": -1}, "feather"), ({"steady": 1.5}, "steady")]
)
def test_settings_have_limits(given: dict[str, float], name: str) -> None:
    with pytest.raises(InputError, match=name):
        MaskSettings(**given)


def test_masks_found_in_smaller_frames_count_the_pixels_of_the_clip() -> None:
    large = np.zeros((240, 320), np.uint8)
    cv2.circle(large, (160, 120), 60, 255, cv2.FILLED)
    small = cv2.resize(large, (80, 60), interpolation=cv2.INTER_AREA)
    info = VideoInfo(80, 60, Fraction(12), 1)
    masks = PersonMasks(info, [[packed(small)]])
    clip = VideoInfo(320, 240, Fraction(12), 1)
    (found,) = MaskStream(masks, MaskSettings(grow=10), clip=clip).chunks()
    assert found.shape == (1, 240, 320, 3)
    wanted = np.zeros_like(large)
    cv2.circle(wanted, (160, 120), 70, 255, cv2.FILLED)
    overlap = ((found[0, ..., 0] > 127) & (wanted > 127)).sum() / ((found[0, ..., 0] > 127) | (wanted > 127)).sum()
    assert overlap > 0.97
