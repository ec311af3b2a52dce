"""The lengths of a body's bones, as far as a motion in the picture plane tells them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .body import in_heights
from .motion import Keypoints

Lengths: TypeAlias = npt.NDArray[np.float64]
"""One length per entry of ``SEGMENTS``, in frame heights."""

SEGMENTS: dict[str, tuple[tuple[int, int], ...]] = {
    "shoulder": ((1, 2), (1, 5)),
    "upper_arm": ((2, 3), (5, 6)),
    "forearm": ((3, 4), (6, 7)),
    "torso": ((1, 8), (1, 11)),
    "thigh": ((8, 9), (11, 12)),
    "shin": ((9, 10), (12, 13)),
    "neck": ((1, 0),),
}
"""Bones that are as long on the right as on the left. Those of the head go with the neck, those of a hand with the
forearm: a head seen from the side says nothing of its width."""

TALLNESS = tuple(list(SEGMENTS).index(name) for name in ("neck", "torso", "thigh", "shin"))
"""Segments that add up to a standing body, from the nose to the ankles."""

LEG = tuple(list(SEGMENTS).index(name) for name in ("thigh", "shin"))

_TYPICAL = np.array((0.11, 0.186, 0.146, 0.30, 0.245, 0.246, 0.11))
"""In heights of the whole body: Drillis and Contini (1966), as in Winter, Biomechanics and Motor Control of Human
Movement. The neck is OpenPose's, between the shoulders; the torso runs from it to one hip."""

_SURE = 0.3  # confidence from which a joint's place counts
_PERCENTILE = 90  # a bone is seen at full length now and then; the very longest are mistakes
_BELIEVED, _DISBELIEVED = 0.6, 0.3  # of the typical length: below it a bone points at the camera
_LONGEST = 3  # of the typical length


def bone_lengths(keypoints: Keypoints, aspect: float) -> Lengths | None:
    """Estimate a person's bone lengths without foreshortening.

    A projection only ever shortens a bone, so each length is a high percentile over both sides and all frames (of one
    frame: the longer side). What is then still far shorter than typical for a body of this size has pointed at the
    camera all along, or lay across a body seen from the side: the shorter, the more of the typical length it gets.
    A segment that was never seen gets all of it.

    Args:
        keypoints: ``(frames, joints, 3)`` of one person.
        aspect: the frame's width over its height.

    Returns:
        Lengths above 0, or ``None`` if no bone but the shoulders was seen.
    """
    positions = in_heights(keypoints, aspect)
    sure = keypoints[..., 2] >= _SURE
    seen = np.array([_longest(positions, sure, bones) for bones in SEGMENTS.values()])
    share = seen / _TYPICAL
    size = float(np.median(share[1:][share[1:] > 0])) if (share[1:] > 0).any() else 0.0
    if size == 0:
        return None
    share = np.minimum(share / size, _LONGEST)
    doubt = np.clip((_BELIEVED - share) / (_BELIEVED - _DISBELIEVED), 0, 1)
    return np.asarray(size * _TYPICAL * (share + doubt * (1 - share)))


def _longest(
    positions: npt.NDArray[np.float64], sure: npt.NDArray[np.bool_], bones: tuple[tuple[int, int], ...]
) -> float:
    """Length of a segment's bones where both ends are sure; 0 if they never are."""
    lengths = [
        np.linalg.norm(positions[both, child] - positions[both, parent], axis=1)
        for parent, child in bones
        for both in (sure[:, parent] & sure[:, child],)
    ]
    pooled = np.concatenate(lengths)
    return float(np.percentile(pooled, _PERCENTILE, method="higher")) if len(pooled) else 0.0
