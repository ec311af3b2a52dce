"""Regions of poses, against figures that are drawn by other code."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.masks.pose_region import pose_region
from frugal_motion.nodes.masks.steady import MaskSettings
from frugal_motion.nodes.masks.stream import MaskStream
from frugal_motion.nodes.video.stream import VideoInfo

from .conftest import SIZE, Drawn, drawn, masks_of


@pytest.fixture(scope="module")
def one() -> Drawn:
    return drawn(1)


def test_it_holds_the_figure_and_little_more(one: Drawn) -> None:
    for frame in range(16):
        region, truth = pose_region(one.motion.keypoints[frame], SIZE, SIZE) > 127, one.truth[0, frame] > 127
        assert (region & truth).sum() > 0.93 * truth.sum()
        assert (region & truth).sum() > 0.8 * region.sum()


def test_nobody_is_nowhere(one: Drawn) -> None:
    assert not pose_region(np.zeros_like(one.motion.keypoints[0]), SIZE, SIZE).any()


def test_masks_hold_the_clip_s_person_and_where_the_edit_takes_them(one: Drawn) -> None:
    moved = np.array(one.motion.keypoints)
    moved[..., 0] = np.where(moved[..., 2] > 0, moved[..., 0] + 0.2, 0)
    edited = one.motion.with_keypoints(moved)
    info = VideoInfo(SIZE, SIZE, Fraction(12), 16)
    stream = MaskStream(masks_of(info, one.truth[0]), MaskSettings(grow=4), edited)
    found = np.concatenate(list(stream.chunks()))[..., 0] > 127
    for frame in range(16):
        assert found[frame][one.truth[0, frame] > 127].all()
        assert found[frame][pose_region(moved[frame], SIZE, SIZE) > 127].all()


def test_a_motion_of_another_length_is_refused(one: Drawn) -> None:
    info = VideoInfo(SIZE, SIZE, Fraction(12), 16)
    shorter = replace(one.motion, keypoints=one.motion.keypoints[:9])
    with pytest.raises(InputError, match="edited_motion: found 9 frames; allowed: 16"):
        MaskStream(masks_of(info, one.truth[0]), MaskSettings(), shorter)
