from fractions import Fraction
from pathlib import Path

import pytest

from frugal_motion.nodes.pose.extract import extract_pose
from frugal_motion.nodes.pose.landmarks import LandmarkSettings
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream


@pytest.fixture(scope="session")
def model(assets: Path) -> Path:
    return assets / "models/mediapipe/pose_landmarker_full.task"


@pytest.fixture(scope="session")
def clip(assets):
    """A real clip, small and at 12 frames per second, by name."""

    def open_clip(name):
        settings = DecodeSettings(frame_rate=Fraction(12), size=(270, 480))
        return FileStream(assets / f"input/{name}.mp4", settings)

    return open_clip


@pytest.fixture(scope="session")
def one_person(clip, model):
    return extract_pose(clip("one_person"), model, LandmarkSettings(people=1))


@pytest.fixture(scope="session")
def two_people(clip, model):
    return extract_pose(clip("two_people"), model, LandmarkSettings(people=2))
