import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalEditMotion, FrugalMotionReport, FrugalSmoothMotion


@pytest.fixture
def motion():
    """A noisy walk of 60 frames; the left wrist is missing for 6 frames and for 7."""
    rng = np.random.default_rng(5)
    keypoints = np.ones((60, 1, 18, 3), np.float32)
    keypoints[..., :2] = np.linspace(0.2, 0.8, 60)[:, None, None, None] + rng.normal(0, 0.01, (60, 1, 18, 2))
    keypoints[10:16, 0, 7] = 0
    keypoints[30:37, 0, 7] = 0
    return Motion(keypoints, Fraction(12), 64, 48)


def run(motion, method="savgol", strength=0.5, max_gap=0.5, repair=False):
    return FrugalSmoothMotion.execute(motion, method, strength, max_gap, repair).args[0]


def test_gaps_are_given_in_seconds(motion):
    wrist = run(motion).keypoints[:, 0, 7, 2] > 0
    assert wrist[10:16].all() and not wrist[30:37].any()
    assert (run(motion, max_gap=0.6).keypoints[:, 0, 7, 2] > 0).all()


def test_the_clip_stays_and_the_motion_gets_steadier(motion):
    smoothed = run(motion)
    assert (smoothed.frame_count, smoothed.frame_rate, smoothed.width, smoothed.height) == (60, 12, 64, 48)

    def jitter(m):
        return np.abs(np.diff(m.keypoints[:, 0, 0, :2], n=3, axis=0)).mean()

    assert jitter(smoothed) < 0.4 * jitter(motion)


def test_nothing_asked_nothing_done(motion):
    assert np.array_equal(run(motion, strength=0, max_gap=0).keypoints, motion.keypoints)


@pytest.mark.parametrize(
    ("changed", "name"), [({"strength": 2.0}, "strength"), ({"method": "x"}, "method"), ({"max_gap": -1.0}, "max_gap")]
)
def test_bad_input(motion, changed, name):
    with pytest.raises(InputError, match=f"^{name}: found"):
        run(motion, **changed)


def test_what_is_wrong_is_repaired_and_reported(motion):
    keypoints = np.array(motion.keypoints)
    keypoints[45, 0, 4, 1] = 0.05
    stray = motion.with_keypoints(keypoints)
    repaired, report = FrugalSmoothMotion.execute(stray, "savgol", 0.0, 0.5).args
    left, _ = FrugalSmoothMotion.execute(stray, "savgol", 0.0, 0.5, False).args
    assert abs(repaired.keypoints[45, 0, 4, 1] - motion.keypoints[45, 0, 4, 1]) < 0.05
    assert np.array_equal(left.keypoints[45], stray.keypoints[45])
    assert "left wrist: frames 30 to 36" in report


def test_the_report_is_a_picture_and_numbers(motion, tmp_path, monkeypatch):
    import folder_paths

    monkeypatch.setattr(folder_paths, "get_temp_directory", lambda: str(tmp_path))
    output = FrugalMotionReport.execute(run(motion), motion)
    picture, text = output.args
    assert picture.ndim == 4 and len(picture) == 1 and 0 <= picture.min() < picture.max() <= 1
    numbers = json.loads(text)
    assert numbers["motion"]["whole"]["jitter"] < numbers["before"]["whole"]["jitter"]
    shown = output.ui.as_dict()["images"][0]
    assert (tmp_path / shown["filename"]).is_file()
    assert json.loads(FrugalMotionReport.execute(motion).args[1])["before"] is None


@pytest.mark.parametrize("node", [FrugalSmoothMotion, FrugalEditMotion, FrugalMotionReport])
def test_every_input_and_output_is_explained(node):
    schema = node.define_schema()
    schema.finalize()  # numbers the outputs
    schema.validate()
    assert schema.category == "Frugal Motion/Motion"
    assert all(item.tooltip for item in (*schema.inputs, *schema.outputs))


@pytest.mark.parametrize("rate", [Fraction(1, 20), Fraction(1, 10), Fraction(1)])
def test_a_report_at_very_low_frame_rates(motion, rate):
    FrugalMotionReport.execute(replace(motion, frame_rate=rate))
