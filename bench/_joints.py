"""How many joints of drawn figures can be found where they should be, in frames between."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from bench._between import Case
from nodes.interpolation.schedule import schedule
from nodes.motion.motion import Keypoints
from nodes.video.stream import Frames
from training.locator import SIZE, Locator, correct_joints, load_locator, locate, train

WEIGHTS = Path(__file__).resolve().parent.parent / ".cache" / "locator.pt"
MARGIN = 1.25  # sides of the square around a person, in sides of the box around the joints
SOFT = 0.45  # pixels of blur in the square: what is made smaller has no finer edges


def locator() -> Locator:
    """Finds joints without knowing the pose; learned from other drawn figures, once for a machine (some minutes)."""
    if WEIGHTS.is_file():
        return load_locator(WEIGHTS)
    net = train(seed=11, pictures=4000, epochs=5, workers=2)
    WEIGHTS.parent.mkdir(exist_ok=True)
    torch.save(net.state_dict(), WEIGHTS)
    return net


def correct_share(net: Locator, case: Case, made: Frames) -> float:
    """Percentage of correct keypoints, 0..1, of the frames between keyframes: within a tenth of the body's height."""
    correct = total = 0
    for number, bracket in enumerate(schedule(case.plan, case.rate)):
        for person in case.poses[number] if bracket.weight else ():
            if (person[:, 2] > 0).sum() >= 10:
                square, joints = _square(made[number], person)
                found, of = correct_joints(locate(net, square[None])[0], joints)
                correct, total = correct + found, total + of
    return correct / total


def _square(frame: Frames, person: Keypoints) -> tuple[Frames, Keypoints]:
    """The part of a frame around a person, and the person's joints in fractions of it."""
    size = np.array(frame.shape[1::-1])
    points = person[:, :2] * size
    seen = points[person[:, 2] > 0]
    side = max(float(np.ptp(seen, axis=0).max()) * MARGIN, 8.0)
    left, top = (seen.min(axis=0) + seen.max(axis=0) - side) / 2
    scale = SIZE / side
    move = np.array([(scale, 0, -left * scale), (0, scale, -top * scale)])
    soft = cv2.GaussianBlur(frame, (0, 0), max(SOFT / scale, 0.3))
    square = cv2.warpAffine(soft, move, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    joints = person.copy()
    joints[:, :2] = (points - (left, top)) / side
    return np.asarray(square, np.uint8), joints
