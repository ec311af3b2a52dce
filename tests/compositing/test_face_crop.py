"""Squares around faces: where they lie, how they move, and what they show."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.compositing.face import face_box
from frugal_motion.nodes.compositing.node import FrugalFaceCrop
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion
from frugal_motion.nodes.pose.extract import extract_pose
from frugal_motion.nodes.pose.landmarks import LandmarkSettings
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.decode_settings import DecodeSettings
from frugal_motion.nodes.video.geometry import Region
from frugal_motion.nodes.video.stream import ArrayStream, VideoInfo

RATE = Fraction(12)
WIDTH, HEIGHT = 640, 360
FACE = [BODY_JOINTS.index(name) for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]
NECK = BODY_JOINTS.index("neck")
# Of a face from the front, in its widths from the nose.
FRONT = {"nose": (0, 0), "right_eye": (-0.2, -0.2), "left_eye": (0.2, -0.2), "right_ear": (-0.5, -0.1),
         "left_ear": (0.5, -0.1), "neck": (0, 1.4)}  # fmt: skip


def faces(noses: np.ndarray, wide: np.ndarray | float = 40.0, file: str = "") -> Motion:
    """Somebody who looks at the camera, with the nose at these pixels ``(frames, 2)``."""
    keypoints = np.zeros((len(noses), 1, 18, 3), np.float32)
    for name, place in FRONT.items():
        pixels = noses + np.array(place) * np.broadcast_to(wide, len(noses))[:, None]
        keypoints[:, 0, BODY_JOINTS.index(name)] = np.column_stack((pixels / (WIDTH, HEIGHT), np.ones(len(noses))))
    return Motion(keypoints, RATE, WIDTH, HEIGHT, Region(file))


def info(frames: int, **changes: object) -> VideoInfo:
    return replace(VideoInfo(WIDTH, HEIGHT, RATE, frames), **changes)  # type: ignore[arg-type]


@st.composite
def walks(draw: st.DrawFn) -> np.ndarray:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = generator.normal(0, draw(st.sampled_from([0.0, 2.0, 15.0])), (draw(st.integers(1, 40)), 2))
    return np.clip(np.array((WIDTH, HEIGHT)) * generator.uniform(0.1, 0.9, 2) + steps.cumsum(0), 0, (WIDTH, HEIGHT))


@settings(max_examples=30)
@given(walks(), st.sampled_from([6.0, 40.0, 150.0, 400.0]))
def test_the_square_is_of_one_size_inside_the_picture_and_around_the_face(noses: np.ndarray, wide: float) -> None:
    motion = faces(noses, wide)
    found = face_box(motion, info(len(noses)), 256)
    assert found.box[0] == found.box[1] <= HEIGHT and found.size == (256, 256)
    assert (found.corners >= 0).all() and (found.corners + found.box <= (WIDTH, HEIGHT)).all()
    if found.box[0] < HEIGHT:
        places = np.clip(motion.keypoints[:, 0, FACE, :2] * (WIDTH, HEIGHT), 0, (WIDTH, HEIGHT))
        corners = found.corners[:, None]
        assert (places >= corners - 0.01).all() and (places <= corners + found.box + 0.01).all()


def test_the_square_is_as_large_as_the_face_and_in_its_middle() -> None:
    found = face_box(faces(np.full((5, 2), (300.0, 200.0))), info(5))
    assert 1.2 * 40 < found.box[0] < 1.7 * 40
    np.testing.assert_allclose(found.corners + np.array(found.box) / 2, [(300, 200)] * 5, atol=6)


def test_a_face_that_trembles_leaves_it_standing() -> None:
    trembling = np.array((300.0, 200.0)) + np.random.default_rng(0).uniform(-3, 3, (60, 2))
    assert face_box(faces(trembling), info(60)).stands


def test_it_moves_evenly_with_a_face_that_goes_evenly() -> None:
    noses = np.stack((np.linspace(100, 500, 60), np.full(60, 180.0)), axis=1)
    noses += np.random.default_rng(0).uniform(-2, 2, noses.shape)
    speeds = np.diff(face_box(faces(noses), info(60)).corners, axis=0)
    assert np.abs(np.diff(speeds, axis=0)).max() < 1.0 < np.abs(np.diff(noses, 2, axis=0)).max()


def test_one_wrong_frame_makes_it_no_larger() -> None:
    wide = np.full(30, 40.0)
    right = face_box(faces(np.full((30, 2), 200.0), wide), info(30))
    wide[12] = 160.0
    assert face_box(faces(np.full((30, 2), 200.0), wide), info(30)).box == right.box
    wide[12:20] = 160.0
    assert face_box(faces(np.full((30, 2), 200.0), wide), info(30)).box[0] > 3 * right.box[0]


def test_where_nobody_is_it_stays_where_it_was() -> None:
    noses = np.full((30, 2), (200.0, 150.0))
    noses[20:] = 400.0, 250.0
    keypoints = np.array(faces(noses).keypoints)
    keypoints[[0, 1, *range(8, 15), *range(25, 30)]] = 0
    found = face_box(faces(noses).with_keypoints(keypoints), info(30))
    np.testing.assert_array_equal(found.corners[:19], np.broadcast_to(found.corners[2], (19, 2)))
    np.testing.assert_array_equal(found.corners[25:], np.broadcast_to(found.corners[24], (5, 2)))
    assert np.hypot(*(found.corners[24] - found.corners[2])) > 150


def test_at_the_edge_of_the_picture_it_stops() -> None:
    found = face_box(faces(np.full((3, 2), (2.0, 358.0))), info(3))
    np.testing.assert_array_equal(found.corners, [(0, HEIGHT - found.box[1])] * 3)


def test_a_face_from_the_side_is_as_large() -> None:
    front = faces(np.full((3, 2), 200.0))
    side = np.array(front.keypoints)
    for joint, x in (("nose", 230.0), ("right_eye", 222.0), ("right_ear", 198.0)):
        side[..., BODY_JOINTS.index(joint), 0] = x / WIDTH
    for joint in ("left_eye", "left_ear"):
        side[..., BODY_JOINTS.index(joint), :] = 0
    boxes = [face_box(motion, info(3)).box[0] for motion in (front, front.with_keypoints(side))]
    assert boxes[1] == pytest.approx(boxes[0], rel=0.1)


def test_the_chosen_person_is_cut_out() -> None:
    both = np.concatenate([faces(np.full((4, 2), place)).keypoints for place in (100.0, 250.0)], axis=1)
    motion = faces(np.full((4, 2), 100.0)).with_keypoints(both)
    middles = [face_box(motion, info(4), person=person).corners[0].mean() for person in (0, 1)]
    assert middles[1] - middles[0] == pytest.approx(150, abs=1)


def test_the_motion_may_be_of_another_part_of_the_file() -> None:
    whole = faces(np.full((4, 2), (300.0, 200.0)), file="a file")
    half = info(4, width=WIDTH, height=HEIGHT, region=Region("a file", left=0.25, top=0.25, width=0.5, height=0.5))
    np.testing.assert_allclose(face_box(whole, half).box[0], 2 * face_box(whole, info(4)).box[0], atol=2)


@pytest.mark.parametrize(
    ("frames", "person", "blank", "name"),
    [(5, 0, False, "motion"), (4, 1, False, "person"), (4, -1, False, "person"), (4, 0, True, "motion")],
)
def test_what_cannot_be_is_refused(frames: int, person: int, blank: bool, name: str) -> None:
    motion = faces(np.full((4, 2), 100.0))
    motion = motion.with_keypoints(np.zeros_like(motion.keypoints)) if blank else motion
    with pytest.raises(InputError, match=f"^{name}: found"):
        face_box(motion, info(frames), person=person)


def test_nobody_at_all_is_refused_by_the_node() -> None:
    motion = Motion(np.zeros((2, 0, 18, 3), np.float32), RATE, WIDTH, HEIGHT)
    video = StreamVideo(ArrayStream(np.zeros((2, HEIGHT, WIDTH, 3), np.uint8), RATE))
    with pytest.raises(InputError, match=r"motion: found nobody"):
        FrugalFaceCrop.execute(video, motion)


def test_the_pictures_show_what_is_in_the_square() -> None:
    """Each pixel of the clip says where it is."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    frame = np.stack((x * 255 / WIDTH, y * 255 / HEIGHT, np.zeros_like(x)), axis=-1).astype(np.uint8)
    noses = np.stack((np.linspace(150, 450, 20), np.linspace(120, 250, 20)), axis=1)
    motion, clip = faces(noses), ArrayStream(np.broadcast_to(frame, (20, *frame.shape)), RATE)
    images = FrugalFaceCrop.execute(StreamVideo(clip), motion, 128, 1).args[0]
    assert images.shape == (20, 128, 128, 3) and images.dtype == torch.float32
    found = face_box(motion, clip.info, 128)
    middle = images[:, 60:68, 60:68, :2].mean(dim=(1, 2)).numpy() * (WIDTH, HEIGHT)
    np.testing.assert_allclose(middle, found.corners + found.box[0] / 2, atol=3)


def test_a_real_head_is_in_the_square(assets: Path) -> None:
    def opened(longer: int) -> FileStream:
        settings = DecodeSettings(frame_rate=RATE, size=(longer, longer))
        return FileStream(assets / "input" / "one_person.mp4", settings)

    model = assets / "models/mediapipe/pose_landmarker_full.task"
    motion = extract_pose(opened(480), model, LandmarkSettings())
    clip = opened(1280)
    found = face_box(motion, clip.info)
    seen = motion.keypoints[:, 0, FACE, 2] > 0
    places = motion.keypoints[:, 0, FACE, :2] * (clip.info.width, clip.info.height) - found.corners[:, None]
    assert ((places >= 0) & (places <= found.box[0]))[seen].all()
    assert found.box[0] < 0.1 * clip.info.height
