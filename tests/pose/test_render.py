from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.pose.draw import draw_pose, overlay_pose
from frugal_motion.nodes.pose.render import render_motion, resolve_size
from frugal_motion.nodes.video.stream import ArrayStream

RATE = Fraction(12)


@pytest.fixture
def motion():
    """20 frames of random people, 96 x 64."""
    keypoints = np.random.default_rng(1).uniform(0.1, 0.9, (20, 2, 18, 3)).astype(np.float32)
    return Motion(keypoints, RATE, 96, 64)


@pytest.fixture
def clip():
    frames = np.random.default_rng(2).integers(0, 256, (20, 64, 96, 3), np.uint8)
    return ArrayStream(frames, RATE)


def test_every_frame_is_drawn(motion):
    pictures = list(render_motion(motion, (96, 64)))
    assert len(pictures) == 20
    for picture, people in zip(pictures, motion.keypoints, strict=True):
        np.testing.assert_array_equal(picture, draw_pose(people, 96, 64))


def test_only_keyframes_are_drawn(motion):
    pictures = list(render_motion(motion, (48, 32), Keyframes((0, 7, 19), 20, RATE)))
    assert len(pictures) == 3
    for picture, frame in zip(pictures, (0, 7, 19), strict=True):
        np.testing.assert_array_equal(picture, draw_pose(motion.keypoints[frame], 48, 32))


def test_keyframes_are_drawn_over_their_own_frames(motion, clip):
    pictures = list(render_motion(motion, (96, 64), Keyframes((3, 12, 19), 20, RATE), clip))
    assert len(pictures) == 3
    for picture, frame in zip(pictures, (3, 12, 19), strict=True):
        np.testing.assert_array_equal(picture, overlay_pose(motion.keypoints[frame], clip.frames[frame]))


def test_limbs_over_a_clip_are_as_wide_as_on_black(motion, clip):
    for index, picture in enumerate(render_motion(motion, (96, 64), clip=clip, limb_width=4.0)):
        over = overlay_pose(motion.keypoints[index], clip.frames[index], limb_width=4.0)
        np.testing.assert_array_equal(picture, over)
        assert not np.array_equal(picture, overlay_pose(motion.keypoints[index], clip.frames[index]))


def test_the_clip_is_brought_to_the_size(motion, clip):
    pictures = list(render_motion(motion, (192, 128), clip=clip))
    assert len(pictures) == 20 and pictures[0].shape == (128, 192, 3)


@pytest.mark.parametrize("frames", [19, 21])
def test_another_number_of_frames_is_refused(motion, frames):
    other = ArrayStream(np.zeros((frames, 64, 96, 3), np.uint8), RATE)
    with pytest.raises(InputError, match=f"video: found {frames} frames, but the motion has 20"):
        render_motion(motion, (96, 64), clip=other)
    with pytest.raises(InputError, match=f"keyframes: found {frames} frames, but the motion has 20"):
        render_motion(motion, (96, 64), Keyframes((0,), frames, RATE))


@pytest.mark.parametrize(
    ("asked", "size"), [((0, 0), (96, 64)), ((48, 0), (48, 32)), ((0, 32), (48, 32)), ((50, 50), (50, 50))]
)
def test_sizes(motion, asked, size):
    assert resolve_size(motion, *asked) == size


def test_a_negative_size_is_refused(motion):
    with pytest.raises(InputError, match="width, height: found -1, 4"):
        resolve_size(motion, -1, 4)
