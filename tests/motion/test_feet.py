from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.motion.editing.feet import contacts
from frugal_motion.nodes.motion.editing.style import PRESETS, StyleSettings, style
from frugal_motion.nodes.motion.motion import Motion

from .synthetic import dance

STAND = 0.9  # frame heights from the top


def stepping(rate=25, seconds=6):
    """A dancer whose feet step on the spot: each stands for 0.7 s, then lifts 0.08 heights for 0.5 s, in turn."""
    motion = dance(seconds, Fraction(rate))
    keypoints = np.array(motion.keypoints)
    t = np.arange(len(keypoints)) / rate
    stands = np.zeros((len(t), 1, 2), bool)
    for side, (hip, knee, ankle) in enumerate(((8, 9, 10), (11, 12, 13))):
        lift = np.clip(((t + 0.6 * side) % 1.2 - 0.7) / 0.5, 0, 1)
        keypoints[:, 0, ankle, 0] = 0.45 + 0.1 * side + 0.03 * np.sin(np.pi * lift) ** 2
        keypoints[:, 0, ankle, 1] = STAND - 0.08 * np.sin(np.pi * lift) ** 2
        keypoints[:, 0, knee, :2] = (keypoints[:, 0, hip, :2] + keypoints[:, 0, ankle, :2]) / 2
        stands[:, 0, side] = lift == 0
    return Motion(keypoints, Fraction(rate), 720, 1280), stands


def slide(motion, stands):
    """Largest distance in frame heights that a foot moves from the middle of a stand."""
    worst = 0.0
    for side, ankle in enumerate((10, 13)):
        at = motion.keypoints[:, 0, ankle, :2].astype(np.float64) * (720 / 1280, 1)
        runs = np.split(np.arange(len(at)), np.flatnonzero(np.diff(stands[:, 0, side].astype(int))) + 1)
        for run in runs:
            if stands[run[0], 0, side]:
                worst = max(worst, float(np.linalg.norm(at[run] - np.median(at[run], axis=0), axis=1).max()))
    return worst


@pytest.mark.parametrize("rate", [12, 25, 60])
def test_standing_feet_are_found(rate):
    motion, stands = stepping(rate)
    found = contacts(motion)
    assert (found == stands).mean() > 0.85
    assert found[stands].mean() > 0.9


def test_a_foot_in_the_air_or_out_of_sight_does_not_stand():
    motion, _ = stepping()
    keypoints = np.array(motion.keypoints)
    keypoints[:, 0, 10, 1] = 0.85 + 0.1 * np.sin(np.arange(len(keypoints)) / 3)
    keypoints[:, 0, 13] = 0
    assert contacts(motion.with_keypoints(keypoints)).mean() < 0.05
    assert not contacts(motion.with_keypoints(keypoints))[..., 1].any()


@pytest.mark.parametrize(
    "edit",
    [
        StyleSettings(legs=1.6), StyleSettings(sway=2.0), StyleSettings(torso=2.0, bounce=2.0),
        StyleSettings(legs=0.3, overshoot=0.6), StyleSettings(high=0.0, mid=0.5),
    ],
)  # fmt: skip
def test_planted_feet_hardly_slide(edit):
    motion, stands = stepping()
    loose = style(motion, StyleSettings(**{**edit.__dict__, "keep_feet": False}))
    kept = style(motion, edit)
    found = contacts(motion) & stands
    assert slide(loose, found) > 0.006  # 8 pixels of 1280
    assert slide(kept, found) < 0.002


@pytest.mark.parametrize("name", [name for name, settings in PRESETS.items() if settings.tempo == 1])
def test_presets_keep_feet(name):
    motion, stands = stepping()
    if name != "robotic":  # holds poses in other frames
        assert slide(style(motion, PRESETS[name]), contacts(motion) & stands) < 0.002


@pytest.mark.parametrize("edit", [StyleSettings(bounce=3.0), StyleSettings(legs=2.0, bounce=2.0)])
def test_no_foot_goes_through_the_floor(edit):
    motion, _ = stepping()
    assert style(motion, edit).keypoints[:, 0, (10, 13), 1].max() < STAND + 0.003


def test_the_correction_fades_in_and_out():
    motion, _ = stepping()
    step = np.abs(np.diff(motion.keypoints[..., :2], axis=0)).max()
    edited = style(motion, StyleSettings(legs=1.5, bounce=2.0))
    legs = edited.keypoints[:, 0, (9, 10, 12, 13), :2]
    assert np.abs(np.diff(legs, axis=0)).max() < 2 * step
