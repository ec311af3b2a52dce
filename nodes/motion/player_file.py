"""A motion as the editor's player reads it: small, and exact to a fraction of a pixel.

The file is little endian. Its header has 36 bytes: ``FMP1``; as uint32 the frames that are kept, the frames of the
clip, the step (every step-th frame is kept, from the first on), width and height of the frame; as uint16 people and
joints; as float64 the frames per second. Then x and y of every joint as uint16, ``(frames, people, joints, 2)``, and
all confidences as uint8, ``(frames, people, joints)``. 0 to 65535 stands for -0.5 to 1.5 of the frame, 0 to 255 for 0
to 1; confidence 0 is a missing joint. ``web/js/motion_file.js`` reads it.
"""

from __future__ import annotations

import struct

import numpy as np

from .motion import Motion

MAGIC = b"FMP1"
LARGEST = 1_000_000
"""Bytes; longer motions are thinned."""

_HEADER = struct.Struct("<4s5I2Hd")
_BEYOND = 0.5  # how far outside the frame a place can be told, in frames
_BYTES = 5  # of a joint


def packed(motion: Motion, largest: int = LARGEST) -> bytes:
    """A motion in the player's format.

    Args:
        motion: to be shown.
        largest: bytes. If they are not enough for all frames, every second, third… frame is kept.
    """
    _, people, joints, _ = motion.keypoints.shape
    most = max(1, (largest - _HEADER.size) // max(1, people * joints * _BYTES))
    step = max(1, -(-motion.frame_count // most))
    kept = motion.keypoints[::step]
    clip = (len(kept), motion.frame_count, step, motion.width, motion.height)
    header = _HEADER.pack(MAGIC, *clip, people, joints, float(motion.frame_rate))
    places = np.clip((kept[..., :2] + _BEYOND) / (1 + 2 * _BEYOND), 0, 1) * 65535
    # A joint that was found stays found, however unsure.
    confidence = np.ceil(np.clip(kept[..., 2], 0, 1) * 255)
    return b"".join((header, places.round().astype("<u2").tobytes(), confidence.astype(np.uint8).tobytes()))
