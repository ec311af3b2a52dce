"""Motions whose truth is known: bodies that walk and dance by forward kinematics, and what goes wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from frugal_motion.nodes.motion.body import mirrored_order
from frugal_motion.nodes.motion.motion import Motion

WIDTH, HEIGHT = 720, 1280


def dance(seconds: float = 8, frame_rate: Fraction = Fraction(25), people: int = 1, seed: int = 0) -> Motion:
    """Smooth people of 0.8 frame heights: limbs swing by sums of sines below 2 Hz, knees bend, the body sways."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * frame_rate)) / float(frame_rate)
    bodies = [_body(times, random) + ((person + 1) / (people + 1) * WIDTH / HEIGHT, 0.48) for person in range(people)]
    positions = np.stack(bodies, axis=1) / (WIDTH / HEIGHT, 1.0)
    confidence = np.full((*positions.shape[:3], 1), 0.9)
    return Motion(np.concatenate((positions, confidence), axis=3).astype(np.float32), frame_rate, WIDTH, HEIGHT)


def _body(times: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``(frames, 18, 2)`` in frame heights around the pelvis."""

    def swing(size: float, rest: float = 0.0) -> np.ndarray:
        waves = [
            random.uniform(0.3, 1) * np.sin(2 * np.pi * hertz * times + random.uniform(0, 2 * np.pi))
            for hertz in random.uniform(0.3, 2.0, 3)
        ]
        return np.asarray(rest + size * np.sum(waves, axis=0) / 1.5)

    def along(angle: np.ndarray, length: float) -> np.ndarray:
        return length * np.stack((np.sin(angle), np.cos(angle)), axis=-1)  # angle 0 hangs down

    body = np.zeros((len(times), 18, 2))
    lean = swing(0.08)
    pelvis = np.stack((swing(0.04), swing(0.015)), axis=-1)
    neck = pelvis - along(-lean, 0.25)
    across = np.stack((np.cos(lean), np.sin(lean)), axis=-1)
    body[:, 1] = neck
    for side, shoulder, hip in ((-1, 2, 8), (1, 5, 11)):
        body[:, shoulder] = neck + side * 0.085 * across
        upper = swing(0.6, side * 0.3)
        body[:, shoulder + 1] = body[:, shoulder] + along(upper, 0.14)
        body[:, shoulder + 2] = body[:, shoulder + 1] + along(upper + swing(0.5, side * 0.3), 0.13)
        body[:, hip] = pelvis + side * 0.055 * across
        thigh = swing(0.25, side * 0.08)
        body[:, hip + 1] = body[:, hip] + along(thigh, 0.2)
        body[:, hip + 2] = body[:, hip + 1] + along(thigh - np.abs(swing(0.25)), 0.19)
    nose = neck - along(-lean + swing(0.1), 0.1)
    for joint, offset in (
        (0, (0, 0)),
        (14, (-0.012, -0.015)),
        (15, (0.012, -0.015)),
        (16, (-0.03, -0.008)),
        (17, (0.03, -0.008)),
    ):
        body[:, joint] = nose + offset
    return body


@dataclass(frozen=True)
class Damage:
    """What a detector does to a motion.

    Attributes:
        noise: standard deviation in body heights.
        dropouts: share of joint samples that are missing, in runs of about ``run`` frames.
        outliers: share of joint samples that jump 0.2 body heights or more away.
        swaps: share of frames, in runs, in which left and right are exchanged.
    """

    noise: float = 0.01
    dropouts: float = 0.05
    run: int = 4
    outliers: float = 0.01
    swaps: float = 0.02


def damaged(motion: Motion, damage: Damage = Damage(), seed: int = 1) -> Motion:
    """A motion as a detector might report it. Confidence tells nothing of noise and outliers."""
    random = np.random.default_rng(seed)
    keypoints = np.array(motion.keypoints)
    frames, people, joints, _ = keypoints.shape
    scale = 0.8 / np.array((motion.width / motion.height, 1.0))
    keypoints[..., :2] += random.normal(0, damage.noise, (frames, people, joints, 2)) * scale
    jumps = random.random((frames, people, joints)) < damage.outliers
    angle, reach = random.uniform(0, 2 * np.pi, jumps.sum()), random.uniform(0.2, 0.5, jumps.sum())
    keypoints[jumps, :2] += np.stack((np.cos(angle), np.sin(angle)), axis=-1) * reach[:, None] * scale
    for person in range(people):
        for start in np.flatnonzero(random.random(frames) < damage.swaps / damage.run):
            swapped = slice(start, start + damage.run)
            keypoints[swapped, person] = keypoints[swapped, person][:, mirrored_order(joints)]
    starts = random.random((frames, people, joints)) < damage.dropouts / damage.run
    for frame, person, joint in np.argwhere(starts):
        keypoints[frame : frame + damage.run, person, joint] = 0
    return motion.with_keypoints(keypoints)


def error(motion: Motion, truth: Motion) -> float:
    """Root mean square distance of the joints that both have, in frame heights."""
    both = (motion.keypoints[..., 2] > 0) & (truth.keypoints[..., 2] > 0)
    apart = (motion.keypoints[..., :2] - truth.keypoints[..., :2])[both] * (motion.width / motion.height, 1.0)
    return float(np.sqrt((apart.astype(np.float64) ** 2).sum(axis=-1).mean()))
