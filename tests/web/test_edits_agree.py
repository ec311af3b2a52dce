"""What the editor shows of an edit while it is made, and what the server makes of it."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frugal_motion.nodes.motion.editing.by_hand.apply import posed
from frugal_motion.nodes.motion.editing.by_hand.edits import parse
from frugal_motion.nodes.motion.editing.by_hand.joints import JOINTS
from frugal_motion.nodes.motion.editing.by_hand.skeleton import dragged, place_of, stretched
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.player_file import packed

from ..motion.synthetic import dance
from .test_web import HERE, NODE


def told(**given: object) -> Any:
    script = Path(HERE) / "agree_on_edits.mjs"
    done = subprocess.run([NODE, script], input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def with_hands(motion: Motion) -> Motion:
    """Fingers that hang from the wrists."""
    hands = np.repeat(motion.keypoints[:, :, [7, 4]], 21, axis=2)
    places = np.arange(42) % 21
    hands[..., 0] += 0.004 * (places % 4)
    hands[..., 1] += 0.006 * places / 4
    return motion.with_keypoints(np.concatenate((motion.keypoints, hands), axis=2))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_bodies_follow_a_joint_alike(missing: float) -> None:
    random = np.random.default_rng(7)
    keypoints = with_hands(dance(seconds=8)).keypoints[:, 0].astype(float)
    points = keypoints[..., 0] * 720 / 1280 + 1j * keypoints[..., 1]
    drags, wanted = [], []
    for joint in JOINTS:
        for stretch in (False, True):
            pose = points[[random.integers(len(points))]]
            seen = random.random(pose.shape) >= missing
            by = np.array([complex(*random.normal(0, 0.15, 2))])
            given = {"joint": joint, "by": [by[0].real, by[0].imag], "stretch": stretch}
            drags.append({"x": list(pose[0].real), "y": list(pose[0].imag), "found": seen[0].tolist(), **given})
            there = seen.any() if joint == "body" else place_of(pose, seen, joint)[1][0]
            move = stretched(pose, joint, by) if stretch else dragged(pose, seen, joint, by)
            wanted.append((move[0] if there else pose[0], seen[0]))
    for drag, (x, y), (goal, seen) in zip(drags, told(drags=drags)["drags"], wanted, strict=True):
        found = np.array(x) + 1j * np.array(y)
        assert np.abs(found - goal)[seen].max(initial=0) < 1e-6, drag["joint"]


KEYS = [
    {"do": "move", "frame": 10, "person": 1, "joint": "right_wrist", "by": [0.1, -0.05]},
    {"do": "move", "frame": 16, "person": 1, "joint": "right_wrist", "by": [-0.1, 0.02], "slope": [0.01, 0]},
    {"do": "move", "frame": 40, "person": 1, "joint": "left_knee", "by": [0.05, 0], "before": 9, "after": 2},
    {"do": "move", "frame": 12, "person": 2, "joint": "pelvis", "by": [0, 0.05]},
    {"do": "move", "frame": 2, "person": 2, "joint": "body", "by": [0.1, 0.1]},
    {"do": "move", "frame": 60, "person": 2, "joint": "left_hand_6", "by": [0.01, 0.01]},
    {"do": "move", "frame": 62, "person": 2, "joint": "left_ankle", "by": [0.01, -0.1], "stretch": True},
]


@pytest.mark.parametrize("count", range(1, len(KEYS) + 1))
def test_keys_are_shown_as_they_are_applied(count: int) -> None:
    motion = with_hands(dance(seconds=3, people=2))
    text = json.dumps({"version": 1, "edits": KEYS[:count]})
    [shown] = told(motion=base64.b64encode(packed(motion)).decode(), texts=[text])["shown"]
    assert not shown["problem"]
    wanted = posed(motion, parse(text)).motion.keypoints
    places = np.array(shown["places"]).reshape(wanted[..., :2].shape)
    assert np.abs(places - wanted[..., :2]).max() < 2e-4  # places are told in whole numbers
    differing = np.flatnonzero((wanted != motion.keypoints).any(axis=(1, 2, 3)))
    first, last = shown["frames"]
    assert first <= differing.min() and differing.max() <= last
