"""Edit Motion as ComfyUI runs it."""

import json

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.node import FrugalEditMotion

from .synthetic import dance


@pytest.fixture(autouse=True)
def temp_folder(tmp_path, monkeypatch):
    import folder_paths

    monkeypatch.setattr(folder_paths, "get_temp_directory", lambda: str(tmp_path))


def test_without_edits_the_motion_goes_through():
    clip = dance(1.6, people=2)
    result, report = FrugalEditMotion.execute(clip).args
    assert np.array_equal(result.keypoints, clip.keypoints) and report == "No edits"


def test_edits_are_applied_and_told():
    clip = dance(1.6, people=2)
    edits = [
        {"do": "move", "frame": 9, "person": 2, "joint": "body", "by": [0.1, 0]},
        {"do": "move", "frame": 9, "person": 3, "joint": "left_wrist", "by": [0.1, 0]},
        {"do": "hold", "frame": 20, "frames": 5},
    ]
    result, report = FrugalEditMotion.execute(clip, json.dumps({"version": 1, "edits": edits})).args
    assert result.frame_count == 45
    np.testing.assert_allclose(result.keypoints[9, 1, :, 0], clip.keypoints[9, 1, :, 0] + 0.1, atol=1e-6)
    assert "move, person 3, left wrist, frame 9: there is no person 3: the motion has 2" in report


def test_wrong_edits_are_refused():
    with pytest.raises(InputError, match=r"^edits\[0\]\.frames: found 0"):
        FrugalEditMotion.execute(dance(1.6), '{"edits":[{"do":"hold","frame":1,"frames":0}]}')
