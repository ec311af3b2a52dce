"""A motion as the editor's player reads it: small, and exact to a fraction of a pixel.

The file is little endian. Its header has 36 bytes: ``FMP1``; as uint32 the frames that are kept, the frames of the
clip, the step (every step-th frame is kept, from the first on), width and height of the frame; as uint16 people and
joints; as float64 the frames per second. Then x and y of every joint as uint16, ``(frames, people, joints, 2)``, and
all confidences as uint8, ``(frames, people, joints)``. 0 to 65535 stands for -0.5 to 1.5 of the frame, 0 to 255 for 0
to 1; confidence 0 is a missing joint. ``web/js/motion_file.js`` reads it too.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np

from ..errors import InputError
from .motion import BODY_JOINTS, HAND_JOINTS, Motion

MAGIC = b"FMP1"
LARGEST = 1_000_000
"""Bytes; longer motions are thinned."""

LARGEST_EDITED = 32_000_000
"""Bytes of one that is to be edited: every frame counts."""

_HEADER = struct.Struct("<4s5I2Hd")
_BEYOND = 0.5  # how far outside the frame a place can be told, in frames
_BYTES = 5  # of a joint
_PLACES, _CONFIDENCES = 65535, 255  # the largest numbers that are written
_ROUNDING = 1e-3  # of a step: less than anybody sees, more than float32 loses
_JOINTS = (len(BODY_JOINTS), len(BODY_JOINTS) + 2 * HAND_JOINTS)
_LARGEST_DENOMINATOR = 1_000_000  # of a rate: far above that of any, and a float tells it
_ALLOWED = "a motion as the player reads it"
_MOST_FRAMES = 10_000_000  # a file of a few bytes might claim any number of frames without people


def kept_step(motion: Motion, largest: int = LARGEST) -> int:
    """Every which frame ``packed`` keeps: 1 if ``largest`` bytes are enough for all of them."""
    _, people, joints, _ = motion.keypoints.shape
    most: int = max(1, (largest - _HEADER.size) // max(1, people * joints * _BYTES))
    return max(1, -(-motion.frame_count // most))


def packed(motion: Motion, largest: int = LARGEST) -> bytes:
    """A motion in the player's format.

    Args:
        motion: to be shown.
        largest: bytes. If they are not enough for all frames, every second, third… frame is kept.
    """
    _, people, joints, _ = motion.keypoints.shape
    step = kept_step(motion, largest)
    kept = motion.keypoints[::step]
    clip = (len(kept), motion.frame_count, step, motion.width, motion.height)
    header = _HEADER.pack(MAGIC, *clip, people, joints, float(motion.frame_rate))
    places = np.clip((kept[..., :2] + _BEYOND) / (1 + 2 * _BEYOND), 0, 1) * _PLACES
    # A joint that was found stays found, however unsure; what was read from such a file is written as it was.
    confidence = np.ceil(np.clip(kept[..., 2], 0, 1).astype(np.float64) * _CONFIDENCES - _ROUNDING)
    confidence = np.maximum(confidence, kept[..., 2] > 0)
    return b"".join((header, places.round().astype("<u2").tobytes(), confidence.astype(np.uint8).tobytes()))


def unpacked(content: bytes) -> Motion:
    """The motion in a file that ``packed`` has made, as exact as the file is.

    Raises:
        InputError: it is no such file, or one in which only some of the frames are kept.
    """
    if len(content) < _HEADER.size or not content.startswith(MAGIC):
        raise InputError("motion", "another kind of file", _ALLOWED)
    _, kept, frames, step, width, height, people, joints, float_rate = _HEADER.unpack_from(content)
    points = kept * people * joints
    is_whole = len(content) == _HEADER.size + points * _BYTES and step > 0 and kept == -(-frames // step)
    rate = Fraction(float_rate).limit_denominator(_LARGEST_DENOMINATOR) if math.isfinite(float_rate) else 0
    if not (is_whole and joints in _JOINTS and frames <= _MOST_FRAMES and width and height and rate > 0):
        raise InputError("motion", "a damaged file", _ALLOWED)
    if step > 1:
        found = f"a motion of {frames} frames, {kept} of which are kept"
        raise InputError("motion", found, "one of which all are kept", "Edit a shorter part of it.")
    places = np.frombuffer(content, "<u2", 2 * points, _HEADER.size).reshape(kept, people, joints, 2)
    confidence = np.frombuffer(content, np.uint8, points, _HEADER.size + 4 * points).reshape(kept, people, joints, 1)
    keypoints = np.zeros((kept, people, joints, 3), np.float32)
    keypoints[..., :2] = np.where(confidence > 0, places * ((1 + 2 * _BEYOND) / _PLACES) - _BEYOND, 0)
    keypoints[..., 2:] = confidence / _CONFIDENCES
    return Motion(keypoints, Fraction(rate), width, height)
