"""Joints moved to the middle of the limbs that keyframes show: detectors are off, each joint for a while the same way.

A picture tells how far a limb is off across its bone; several, in which it has turned, tell both ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...motion.figure import BODY_PARTS, HANDS, HEAD, TORSO, BodyPart, Pixels
from ...motion.motion import BODY_JOINTS, Keypoints
from ...opencv import cv2
from .figure_map import Plane

_ALONG = np.linspace(0.2, 0.9, 8)  # shares of a bone where the limb is measured, not at the joint above, which bends
_ACROSS = 21  # places
_BESIDE = 0.12  # body scales: how far beyond its capsule background has to be seen
_BACKGROUND, _LIMB = 0.5, 0.7  # shares of a figure: at most, at least
_SHORT = 0.3  # body scales: a bone that points at the camera tells nothing
_HELD = 1.0  # how many slices of a limb it takes to move a joint half of the way
_MOST = 0.12  # body scales

_JOINTS = len(BODY_JOINTS)

Equations = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JointFit:
    """What one keyframe tells of where joints are: normal equations of a least squares fit, of each person.

    Attributes:
        matrix: ``(people, 2 * joints, 2 * joints)``.
        wanted: ``(people, 2 * joints)``, in pixels.
    """

    matrix: Equations
    wanted: Equations


def joint_fit(parts: Sequence[BodyPart], alpha: Plane, people: int) -> JointFit:
    """Measure limbs that are seen by themselves.

    Args:
        parts: of a keyframe.
        alpha: the share of figures, 0..1 ``(height, width)``.
        people: how many there are.
    """
    unknown = 2 * _JOINTS
    fit = JointFit(np.zeros((people, unknown, unknown)), np.zeros((people, unknown)))
    for part in parts:
        if part.kind in (TORSO, HEAD, *HANDS) or abs(part.bone) < _SHORT * part.scale:
            continue
        first, last = BODY_PARTS[part.kind].joints
        normal = np.array((-part.bone.imag, part.bone.real)) / abs(part.bone)
        for along, off in _slices(part, normal, alpha):
            row = np.zeros((_JOINTS, 2))
            row[first], row[last] = (1 - along) * normal, along * normal
            fit.matrix[part.person] += np.outer(row, row)
            fit.wanted[part.person] += off * row.ravel()
    return fit


def joint_shifts(fits: Sequence[JointFit], weights: Sequence[float], parts: Sequence[BodyPart]) -> Pixels:
    """How far to move each joint, in pixels ``(people, joints, 2)``: ridge regression over some keyframes.

    Args:
        fits: of the keyframes.
        weights: how much each has to say.
        parts: of the keyframe whose joints are moved; by the size of its people that has a limit.
    """
    matrix = np.tensordot(weights, np.stack([fit.matrix for fit in fits]), 1)
    wanted = np.tensordot(weights, np.stack([fit.wanted for fit in fits]), 1)
    held = _HELD * np.eye(matrix.shape[-1])
    shifts: Pixels = np.linalg.solve(matrix + held, wanted[..., None]).reshape(len(wanted), -1, 2)
    most = np.zeros(len(wanted))
    for part in parts:
        most[part.person] = _MOST * part.scale
    far = np.maximum(np.hypot(shifts[..., 0], shifts[..., 1]), 1e-6)
    return np.asarray(shifts * np.minimum(1, most[:, None] / far)[..., None])


def with_shifts(people: Keypoints, shifts: Pixels) -> Keypoints:
    """People whose joints are moved, those that were found; hands go with their wrists.

    Args:
        people: ``(people, 18 or more, 3)`` in fractions of the frame.
        shifts: ``(people, 18, 2)``, likewise.
    """
    moves = np.zeros_like(people[..., :2])
    moves[:, :_JOINTS] = shifts
    for kind, hand in HANDS.items():
        moves[:, hand] = shifts[:, BODY_PARTS[kind].joints[0], None]
    found = people.copy()
    found[..., :2] += moves * (found[..., 2:] > 0)
    return found


def _slices(part: BodyPart, normal: Pixels, alpha: Plane) -> Iterator[tuple[float, float]]:
    """Shares of a bone, and how far along ``normal`` the middle of its limb is off there, in pixels."""
    height, width = alpha.shape
    radii = part.radii[0] + _ALONG * (part.radii[1] - part.radii[0]) + _BESIDE * part.scale
    across = np.linspace(-1, 1, _ACROSS) * radii[:, None]
    middles = part.start + _ALONG[:, None] * (part.end - part.start)
    columns, rows = (middles[:, side, None] + across * normal[side] for side in (0, 1))
    seen = cv2.remap(alpha, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    inside = ((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)).all(axis=1)
    free = (np.maximum(seen[:, 0], seen[:, -1]) < _BACKGROUND) & (seen.max(axis=1) > _LIMB)
    for at in np.flatnonzero(inside & free):
        yield float(_ALONG[at]), float((seen[at] * across[at]).sum() / seen[at].sum())
