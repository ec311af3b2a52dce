"""The net and the fields of bones are asked where people may be, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.compositing.plate import median_plate
from frugal_motion.nodes.interpolation.guided import motion_way
from frugal_motion.nodes.interpolation.guided.box import Box, box_around, whole
from frugal_motion.nodes.interpolation.guided.figure_map import FigureMap
from frugal_motion.nodes.interpolation.guided.joint_fit import joint_fit, joint_shifts, with_shifts
from frugal_motion.nodes.interpolation.guided_stream import GuidedStream
from frugal_motion.nodes.motion.figure import figure_parts
from frugal_motion.nodes.motion.motion import Keypoints, Motion
from frugal_motion.nodes.video.stream import ArrayStream, Frames, FrameStream

from ..motion.synthetic import dance
from .scene import GRID, RATE, SIZE, Blend, Scene

WIDE = (400, 256)


class Sized(Blend):
    """A net that remembers what it was given."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def prepare(self, frame: np.ndarray) -> np.ndarray:
        self.sizes.append((frame.shape[1], frame.shape[0]))
        return frame


def read(stream: FrameStream) -> Frames:
    return np.concatenate(list(stream.chunks()))


def in_a_wide_picture(scene: Scene) -> tuple[Frames, Motion]:
    """The same dancer in a hall, of which they take the left third."""
    pictures = np.stack(
        [cv2.copyMakeBorder(one, 0, 0, 0, WIDE[0] - SIZE[0], cv2.BORDER_REPLICATE) for one in scene.keys]
    )
    people = scene.motion.keypoints.copy()
    people[..., 0] *= SIZE[0] / WIDE[0]
    return pictures, Motion(people, GRID, *WIDE)


def wide_stream(scene: Scene, net: Any) -> GuidedStream:
    pictures, motion = in_a_wide_picture(scene)
    return GuidedStream(ArrayStream(pictures, GRID), scene.plan, RATE, net, motion, way="motion")


def test_the_frames_are_as_if_all_of_them_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    somewhere = read(wide_stream(scene, Blend()))
    monkeypatch.setattr(motion_way, "box_around", lambda parts, margin, size: whole(size))
    everywhere = read(wide_stream(scene, Blend()))
    assert np.abs(somewhere.astype(int) - everywhere).max() <= 1


def test_the_net_gets_the_part_with_the_people() -> None:
    net = Sized()
    read(wide_stream(Scene(), net))
    assert net.sizes and max(width for width, _ in net.sizes) <= SIZE[0] + 64


def test_where_nobody_is_the_net_is_not_asked() -> None:
    scene, net = Scene(), Sized()
    pictures = np.stack([scene.keys[0]] * len(scene.keys))
    pictures[::2, :20, :20] ^= 64  # a lamp that flickers
    nobody = scene.motion.with_keypoints(np.zeros_like(scene.motion.keypoints))
    stream = GuidedStream(ArrayStream(pictures, GRID), scene.plan, RATE, net, nobody, way="motion")
    assert len(read(stream)) == stream.info.frame_count
    assert not net.sizes


def test_a_box_has_all_of_everybody_and_lies_within_the_frame() -> None:
    for seed in range(5):
        parts = figure_parts(dance(1, GRID, 2, seed).keypoints[3], WIDE)
        box = box_around(parts, 0.1, WIDE)
        frame = np.zeros(WIDE[::-1], np.uint8)
        for part in parts:
            for end, radius in part.ends:
                cv2.circle(frame, [round(float(at)) for at in end], int(radius), 255, -1)
        box.of(frame)[...] = 0
        assert not frame.any()
        assert 0 <= box.left <= box.left + box.width <= WIDE[0] and 0 <= box.top <= box.top + box.height <= WIDE[1]
    assert box_around([], 0.1, WIDE).is_empty


def test_a_part_of_a_map_is_that_part_of_the_whole() -> None:
    people = dance(1, GRID, 2, 3).keypoints[5]
    box = Box(32, 64, 96, 128)
    part, every = FigureMap(people, WIDE, box), FigureMap(people, WIDE)
    inside = np.s_[2:-2, 2:-2]  # at its edge the part has no neighbours to be enlarged with
    wanted = box.of(every.enlarged(every.nearest))
    np.testing.assert_allclose(part.enlarged(part.nearest)[inside], wanted[inside], atol=1e-5)


def drawn_limbs(people: Keypoints) -> np.ndarray:
    """The mattes of arms and legs, drawn by OpenCV."""
    alpha = np.zeros(SIZE[::-1], np.uint8)
    for first, last in ((2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13)):
        ends = [tuple((people[0, joint, :2] * SIZE * 16).round().astype(int).tolist()) for joint in (first, last)]
        cv2.line(alpha, *ends, 255, 7, cv2.LINE_AA, 4)
    return np.asarray(alpha / np.float32(255), np.float32)


def fitted(found: Sequence[Keypoints], drawn: Sequence[Keypoints]) -> np.ndarray:
    """Shifts in pixels, by pictures in which people are drawn elsewhere than they were found."""
    pairs = zip(found, drawn, strict=True)
    fits = [joint_fit(figure_parts(one, SIZE), drawn_limbs(other), 1) for one, other in pairs]
    return joint_shifts(fits, [1.0] * len(fits), figure_parts(found[0], SIZE))


def test_joints_that_are_off_come_back_to_the_middle_of_the_limbs() -> None:
    poses = dance(4, GRID, seed=2).keypoints[::4]
    elbow, wrist = 3, 4
    off = np.zeros((1, 18, 2))
    off[0, wrist], off[0, elbow] = (4, -3), (-3, 2)
    shifts = fitted([with_shifts(pose, off / SIZE) for pose in poses], poses)
    for joint in (elbow, wrist):
        assert np.hypot(*(shifts + off)[0, joint]) < 0.6 * np.hypot(*off[0, joint])
    assert np.abs(fitted(poses, poses)).max() < 1, "joints that are right stay"


def test_missing_joints_stay_missing() -> None:
    people = dance(1, GRID, seed=2).keypoints[0].copy()
    people[0, 4] = 0
    assert not with_shifts(people, np.full((1, 18, 2), 0.1))[0, 4].any()


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_a_plate_is_the_median_of_what_is_clear(count: int) -> None:
    random = np.random.default_rng(count)
    pictures = random.integers(0, 256, (count, 20, 30, 3), np.uint8)
    clear = random.random((count, 20, 30)) < 0.6
    plate, known = median_plate(list(pictures), list(clear))
    wanted = np.ma.median(np.ma.array(pictures, mask=np.repeat(~clear[..., None], 3, axis=-1)), axis=0)
    assert (known == clear.any(axis=0)).all()
    assert np.abs(plate - wanted.filled(0))[known].max() <= 0.5
    assert not plate[~known].any()
