"""What adaptive plans compare frames by."""

from __future__ import annotations

import numpy as np

from ..motion.limbs import body_heights, to_points
from ..motion.motion import BODY_JOINTS, Motion
from .adaptive import Features
from .appearance import Thumbnails

_APPEARANCE = 10.0  # of a picture that changes from black to white, against a joint that moves by a body's height
_SIGHT = 0.2  # of a joint that comes into sight or leaves it


def motion_features(motion: Motion) -> Features:
    """Every joint's place in body heights, and whether it is seen, ``(frames, people * 18 * 3)``."""
    points = to_points(motion)
    body = points[..., : len(BODY_JOINTS)] / body_heights(points)[:, None]
    seen = _SIGHT * (motion.keypoints[:, :, : len(BODY_JOINTS), 2] > 0)
    return np.stack((body.real, body.imag, seen), axis=-1).reshape(motion.frame_count, -1).astype(np.float32)


def appearance_features(small: Thumbnails) -> Features:
    """The pictures, so that their distance is their root mean square difference, times a weight."""
    pixels = small.reshape(len(small), -1).astype(np.float32) / 255
    return np.asarray(pixels * np.float32(_APPEARANCE / np.sqrt(pixels.shape[1])))
