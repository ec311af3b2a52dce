from fractions import Fraction

import folder_paths
import numpy as np
import pytest
import torch

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host import progress
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.pose.draw import draw_pose
from frugal_motion.nodes.pose.node import FrugalDrawPose, FrugalExtractPose
from frugal_motion.nodes.pose.node.extract_pose import OFFICIAL_MODELS
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.nodes.video.tensors import to_image

SETTINGS = {"people": 1, "confidence": 0.5}


@pytest.fixture(autouse=True)
def models(assets, monkeypatch):
    """ComfyUI's models/mediapipe is the folder of the test's assets."""
    folder = ([str(assets / "models/mediapipe")], {".task"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "mediapipe", folder)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})


@pytest.fixture
def tilt():
    """5 frames in which somebody is at a known place."""
    keypoints = np.random.default_rng(1).uniform(0.1, 0.9, (5, 1, 18, 3)).astype(np.float32)
    return Motion(keypoints, Fraction(12), 64, 48)


def widget(node, name):
    return next(i for i in node.define_schema().inputs if i.id == name)


def test_a_video_becomes_a_motion(clip):
    stream = clip("one_person")
    motion = FrugalExtractPose.execute(StreamVideo(stream), "pose_landmarker_full.task", **SETTINGS).args[0]
    assert isinstance(motion, Motion)
    assert (motion.frame_count, motion.frame_rate, motion.width, motion.height) == (20, 12, 270, 480)
    assert motion.coverage >= 0.95


def test_images_become_the_same_motion_at_the_rate_that_is_given(clip, one_person):
    images = to_image(clip("one_person").frames_at(range(20)))
    model = "pose_landmarker_full.task"
    motion = FrugalExtractPose.execute(images, model, **SETTINGS).args[0]
    np.testing.assert_array_equal(motion.keypoints, one_person.keypoints)
    motion = FrugalExtractPose.execute(images[:2], model, **(SETTINGS | {"frame_rate": 23.976})).args[0]
    assert abs(motion.frame_rate - Fraction(24000, 1001)) < Fraction(1, 10000)


def test_models_that_are_there_come_first_and_the_official_ones_are_always_offered():
    options = widget(FrugalExtractPose, "model").options
    assert options[0] == "pose_landmarker_full.task" and set(options) == set(OFFICIAL_MODELS)


def test_a_missing_model_names_the_file_and_the_folder():
    with pytest.raises(InputError, match=r"model: found no model 'pose_landmarker_heavy.task'.*models/mediapipe"):
        FrugalExtractPose.execute(torch.zeros(1, 8, 8, 3), "pose_landmarker_heavy.task", **SETTINGS)


@pytest.mark.parametrize(
    ("images", "changed", "name"),
    [
        ((0, 8, 8, 3), {}, "video"),
        ((1, 8, 8, 3), {"frame_rate": 0.0}, "frame_rate"),
        ((1, 8, 8, 3), {"people": 9}, "people"),
    ],
)
def test_bad_input(images, changed, name):
    with pytest.raises(InputError, match=f"^{name}: found"):
        FrugalExtractPose.execute(torch.zeros(images), "pose_landmarker_full.task", **(SETTINGS | changed))


def test_cancelling_stops_the_extraction(clip, monkeypatch):
    class Cancelled(Exception):
        pass

    calls = []

    def cancelled_at_the_third():
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled

    monkeypatch.setattr(progress, "throw_exception_if_processing_interrupted", cancelled_at_the_third)
    with pytest.raises(Cancelled):
        FrugalExtractPose.execute(StreamVideo(clip("one_person")), "pose_landmarker_full.task", **SETTINGS)
    assert len(calls) == 3


def test_drawings_are_images(tilt):
    images = FrugalDrawPose.execute(tilt).args[0]
    assert images.shape == (5, 48, 64, 3) and images.dtype == torch.float32
    for image, people in zip(images, tilt.keypoints, strict=True):
        np.testing.assert_array_equal(image.mul(255).round().byte().numpy(), draw_pose(people, 64, 48))


def test_only_keyframes_are_drawn_at_the_size_that_is_asked_for(tilt):
    images = FrugalDrawPose.execute(tilt, width=128, height=0, keyframes=Keyframes((0, 4), 5, Fraction(12))).args[0]
    assert images.shape == (2, 96, 128, 3)


def test_the_pose_is_drawn_over_the_clip(tilt):
    frames = np.full((5, 48, 64, 3), 200, np.uint8)
    images = FrugalDrawPose.execute(tilt, video=StreamVideo(ArrayStream(frames, Fraction(12)))).args[0]
    drawn = np.stack([draw_pose(people, 64, 48) for people in tilt.keypoints]).any(axis=3)
    over = images.mul(255).round().byte().numpy()
    assert (over[~drawn] == 200).all()
    assert (over[drawn] != 200).any(axis=1).all()


@pytest.mark.parametrize("node", [FrugalExtractPose, FrugalDrawPose])
def test_every_input_and_output_is_explained(node):
    schema = node.define_schema()
    schema.validate()
    assert schema.category == "Frugal Motion/Pose"
    assert all(item.tooltip for item in (*schema.inputs, *schema.outputs))


@pytest.mark.parametrize("style", ["openpose", "vace", "wan animate"])
def test_drawings_in_the_style_of_a_video_model(tilt, style):
    images = FrugalDrawPose.execute(tilt, width=832, height=480, style=style).args[0]
    for image, people in zip(images, tilt.keypoints, strict=True):
        drawn = draw_pose(people, 832, 480, style=style)
        np.testing.assert_array_equal(image.mul(255).round().byte().numpy(), drawn)


def test_a_style_that_is_none_is_refused(tilt):
    with pytest.raises(InputError, match=r"style.*openpose, vace, wan animate"):
        FrugalDrawPose.execute(tilt, style="dwpose")
