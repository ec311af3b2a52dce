"""Boxes around people, and what is cut out by them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.compositing.boxes import CropSettings, crop_around
from frugal_motion.nodes.compositing.crop import Crop
from frugal_motion.nodes.compositing.cropped import CroppedStream
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.geometry import Region
from frugal_motion.nodes.video.stream import ArrayStream, VideoInfo
from frugal_motion.training.renderer import draw

from ..motion.synthetic import dance

RATE = Fraction(12)
WIDTH, HEIGHT, FRAMES = 480, 270, 36
INFO = VideoInfo(WIDTH, HEIGHT, RATE, FRAMES, Region("a file"))


def walking(seed: int = 0, people: int = 1, far: float = 0.6) -> Motion:
    """Dancers of half the frame's height who go from left to right."""
    keypoints = np.array(dance(4, RATE, people, seed).keypoints[:FRAMES])
    found = keypoints[..., 2] > 0
    way = np.linspace(-far / 2, far / 2, FRAMES)[:, None, None]
    x = 0.5 + (keypoints[..., 0] - 0.5) * 0.5 * HEIGHT / WIDTH + way
    y = 0.5 + (keypoints[..., 1] - 0.5) * 0.5
    keypoints[..., :2] = np.where(found[..., None], np.stack((x, y), -1), 0)
    return Motion(keypoints, RATE, WIDTH, HEIGHT, Region("a file"))


def crop(motion: Motion | None = None, cuts: tuple[int, ...] = (), **changes: object) -> Crop:
    return crop_around([motion or walking()], INFO, CropSettings(**changes), cuts)  # type: ignore[arg-type]


def is_inside(mask: np.ndarray, crop: Crop, frame: int) -> bool:
    """Whether all of a figure that the frame shows is in the box."""
    rows, columns = np.nonzero(mask > 127)
    (left, top), (width, height) = crop.corners[frame], crop.box
    return bool(
        left <= columns.min() and columns.max() < left + width and top <= rows.min() and rows.max() < top + height
    )


@pytest.mark.parametrize("path", ["steady", "follow"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nobody_is_cut_off(path: str, seed: int) -> None:
    motion = walking(seed)
    found = crop(motion, path=path, margin=0.02)
    for frame, people in enumerate(motion.keypoints):
        assert is_inside(draw(people, 3, 0, WIDTH, HEIGHT)[1], found, frame)


def test_a_box_that_follows_is_smaller_and_does_not_tremble() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (FRAMES, 1, 18, 2))
    motion = walking()
    keypoints = np.array(motion.keypoints)
    keypoints[..., :2] += np.where(keypoints[..., 2:] > 0, noise, 0)
    shaky = motion.with_keypoints(keypoints)
    still, found = crop(shaky), crop(shaky, path="follow")
    assert still.stands and not found.stands
    assert found.share < 0.6 * still.share

    def jitter(places: np.ndarray) -> float:
        return float(np.abs(np.diff(places, 3, axis=0)).mean())

    seen = keypoints[:, 0, :, :2] * (WIDTH, HEIGHT)
    raw = (seen.min(axis=1) + seen.max(axis=1)) / 2
    assert jitter(found.corners) < 0.05 * jitter(raw)


def test_who_stands_still_has_the_same_box_either_way() -> None:
    keypoints = np.repeat(walking().keypoints[:1], FRAMES, axis=0)
    still, found = (crop(walking().with_keypoints(keypoints), path=path) for path in ("steady", "follow"))
    assert found.stands and found.box == still.box


def test_a_hand_that_was_not_looked_for_is_not_cut_off() -> None:
    keypoints = np.array(walking(far=0.0).keypoints)
    neck = keypoints[:, :, 1:2, :2].copy()
    for joint, aside in ((5, 0.025), (6, 0.065), (7, 0.1)):  # an arm stretched out
        keypoints[:, :, joint, :2] = neck[:, :, 0] + (aside, 0)
        keypoints[:, :, joint, 2] = 1
    found = crop(walking().with_keypoints(keypoints), margin=0.0)
    hips = keypoints[:, :, (8, 11), :2].mean(axis=2)
    torso = np.hypot(*((hips - neck[:, :, 0]) * (WIDTH, HEIGHT))[0, 0])
    wrist = keypoints[:, 0, 7, 0].max() * WIDTH
    assert found.corners[0, 0] + found.box[0] > wrist + 0.3 * torso, "as long as a hand is, in torsos"


def test_the_edit_is_in_the_box_too() -> None:
    motion = walking(far=0.1)
    moved = np.array(motion.keypoints)
    moved[..., 0] += np.where(moved[..., 2] > 0, 0.3, 0)
    edited = motion.with_keypoints(moved)
    both = crop_around([motion, edited], INFO, CropSettings())
    for one in (motion, edited):
        for frame in (0, 17, 35):
            assert is_inside(draw(one.keypoints[frame], 3, 0, WIDTH, HEIGHT)[1], both, frame)
    assert both.box[0] > crop(motion).box[0]


def test_each_shot_has_its_own_box_of_one_size() -> None:
    keypoints = np.array(walking(far=0.0).keypoints)
    keypoints[:18, ..., 0] -= np.where(keypoints[:18, ..., 2] > 0, 0.25, 0)
    keypoints[18:, ..., 0] += np.where(keypoints[18:, ..., 2] > 0, 0.25, 0)
    motion = walking().with_keypoints(keypoints)
    whole, shots = crop(motion), crop(motion, cuts=(18,))
    assert whole.stands and len(np.unique(shots.corners, axis=0)) == 2
    assert (shots.corners[:18] == shots.corners[0]).all() and (shots.corners[18:] == shots.corners[18]).all()
    assert shots.share < 0.6 * whole.share


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 50),
    st.sampled_from(["steady", "follow"]),
    st.floats(0, 1),
    st.floats(0, 1.2),
    st.sampled_from([(0, 0), (512, 768), (1024, 256), (64, 64)]),
    st.sampled_from([64, 512, 1000]),
)
def test_boxes_are_always_inside_and_sizes_fit_latents(
    seed: int, path: str, margin: float, far: float, size: tuple[int, int], side: int
) -> None:
    found = crop(walking(seed, far=far), path=path, margin=margin, size=side, width=size[0], height=size[1])
    assert (found.corners >= 0).all() and (found.corners + found.box <= (WIDTH, HEIGHT)).all()
    assert all(value % 8 == 0 for value in found.size)
    if size[0]:
        assert found.size == size
    else:
        assert found.size[0] * found.size[1] == pytest.approx(side**2, rel=16 / side * 1.5)


def test_who_is_away_for_a_while_is_waited_for() -> None:
    motion = walking()
    keypoints = np.array(motion.keypoints)
    keypoints[10:20] = 0
    found = crop(motion.with_keypoints(keypoints), path="follow")
    steps = np.abs(np.diff(found.corners[:, 0]))
    assert steps.max() < 3 * steps.mean()


@pytest.mark.parametrize("path", ["steady", "follow"])
def test_after_somebody_who_leaves_the_picture_the_box_stays(path: str) -> None:
    motion = walking(far=1.2)
    keypoints = np.array(motion.keypoints)
    keypoints[24:] = 0
    found = crop(motion.with_keypoints(keypoints), path=path)
    assert (found.corners >= 0).all() and (found.corners + found.box <= (WIDTH, HEIGHT)).all()
    steps = np.abs(np.diff(found.corners, axis=0)).max(axis=1)
    assert steps[-1] < 1 and steps[24:].max() <= steps[:24].max(), "it comes to rest without a jump"


def test_one_of_two_people_is_meant() -> None:
    both, one = walking(people=2), walking(people=2)
    with pytest.raises(InputError, match="person: found 3; allowed: 0 for everybody, or 1 to 2, as the motion has"):
        crop(both, person=2)
    keypoints = np.array(one.keypoints)
    keypoints[:, 0] = 0
    np.testing.assert_array_equal(crop(both, person=1).corners, crop(one.with_keypoints(keypoints)).corners)


def test_nobody_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="motion: found nobody in any frame"):
        crop(walking().with_keypoints(np.zeros((FRAMES, 1, 18, 3), np.float32)))


def test_a_motion_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="motion: found 9 frames; allowed: 36"):
        crop(replace(walking(), keypoints=walking().keypoints[:9]))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"path": "straight"}, "path"),
        ({"margin": 2.0}, "margin"),
        ({"width": 512}, "width, height"),
        ({"size": 10000}, "size"),
    ],
)
def test_settings_have_limits(changes: dict[str, object], name: str) -> None:
    with pytest.raises(InputError, match=name):
        crop(**changes)


def test_a_motion_is_where_the_cropped_frames_show_it() -> None:
    motion = walking()
    for path in ("steady", "follow"):
        found = crop(motion, path=path)
        inside = found.motion(motion)
        assert (inside.width, inside.height) == found.size
        seen = motion.keypoints[..., 2] > 0
        places = inside.keypoints[..., :2] * found.box + found.corners[:, None, None]
        np.testing.assert_allclose(places[seen], (motion.keypoints[..., :2] * (WIDTH, HEIGHT))[seen], atol=1e-3)


def test_a_box_that_stands_says_what_it_shows_of_the_file() -> None:
    found = crop()
    region = found.inside()
    assert region.source == "a file"
    np.testing.assert_allclose((region.left * WIDTH, region.top * HEIGHT), found.corners[0])
    np.testing.assert_allclose((region.width * WIDTH, region.height * HEIGHT), found.box)
    assert crop(path="follow").inside() == Region()


def test_a_crop_is_kept_and_read_back() -> None:
    found = crop(path="follow")
    again = Crop.from_fields(found.to_fields())
    np.testing.assert_array_equal(again.corners, found.corners)
    assert (again.box, again.frame, again.size) == (found.box, found.frame, found.size)
    assert (again.frame_rate, again.region) == (found.frame_rate, found.region)


def test_cropped_frames_are_opencv_s() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    found = crop()
    stream = CroppedStream(ArrayStream(pictures, RATE), found)
    whole = np.concatenate(list(stream.chunks(5)))
    left, top = found.corners[0].astype(int)
    piece = pictures[7, top : top + found.box[1], left : left + found.box[0]]
    larger = found.size[0] > found.box[0]
    expected = cv2.resize(piece, found.size, interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA)
    np.testing.assert_array_equal(whole[7], expected)
    np.testing.assert_array_equal(np.concatenate(list(stream.section(9, 20, 4))), whole[9:20])
    assert stream.info.frame_count == FRAMES and (stream.info.width, stream.info.height) == found.size


def test_a_crop_of_another_clip_is_refused() -> None:
    with pytest.raises(InputError, match="video: found 36 frames of 100x50; allowed: 36 of 480x270"):
        CroppedStream(ArrayStream(np.zeros((FRAMES, 50, 100, 3), np.uint8), RATE), crop())
