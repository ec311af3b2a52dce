"""Motions as POSE_KEYPOINT, the pose format of other packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..motion.motion import BODY_JOINTS, HAND_JOINTS, Motion

Frame: TypeAlias = dict[str, Any]
"""``{"people": [{"pose_keypoints_2d": [x, y, c, …], …}], "canvas_width": …, "canvas_height": …}``. Ours also say the
``"frame_rate"`` as a fraction, which others ignore."""

Points: TypeAlias = npt.NDArray[np.float64]
"""``(joints, 3)``: x, y, confidence."""


@dataclass(frozen=True)
class Flavour:
    """What a family of nodes understands by POSE_KEYPOINT.

    Attributes:
        pixels: x and y are pixels of the canvas; else fractions of it.
        scores: confidences are real; else 1 for found joints.
        face: points of the empty face that readers insist on; ``None`` writes missing parts as ``None``.
    """

    pixels: bool
    scores: bool
    face: int | None


FLAVOURS = {
    "controlnet_aux": Flavour(pixels=False, scores=False, face=None),
    "sdpose": Flavour(pixels=True, scores=True, face=70),
    "exact": Flavour(pixels=False, scores=True, face=None),
}
"""controlnet_aux drops joints of confidence below 1. ComfyUI's own SDPose nodes need every part to be there."""

_BODY, _HAND = "pose_keypoints_2d", ("hand_left_keypoints_2d", "hand_right_keypoints_2d")
_BODY_25 = (
    *range(8),
    *range(9, 19),
)  # our joints in OpenPose's BODY_25, which has a middle hip at 8 and feet at the end
_LARGEST_FRACTION = 2.0


def to_keypoints(motion: Motion, flavour: str = "controlnet_aux") -> list[Frame]:
    """Write a motion for other packs.

    Every frame lists all people in the same order: who is missing has confidence 0 everywhere, so that the place in the
    list stays the person's.

    Args:
        flavour: a name in ``FLAVOURS``; ``"exact"`` is read back equal, bit for bit.

    Raises:
        InputError: there is no such flavour.
    """
    if flavour not in FLAVOURS:
        raise InputError("flavour", repr(flavour), ", ".join(FLAVOURS))
    style = FLAVOURS[flavour]
    keypoints = motion.keypoints.astype(np.float64)
    if style.pixels:
        keypoints[..., :2] *= (motion.width, motion.height)
    if not style.scores:
        keypoints[..., 2] = keypoints[..., 2] > 0
    flat = keypoints.reshape(*keypoints.shape[:2], 3 * keypoints.shape[2]).tolist()
    canvas = {
        "canvas_width": motion.width,
        "canvas_height": motion.height,
        "frame_rate": str(motion.frame_rate),
    }
    return [{"people": [_person(values, style) for values in people], **canvas} for people in flat]


def _person(values: list[float], style: Flavour) -> dict[str, list[float] | None]:
    body, hand = 3 * len(BODY_JOINTS), 3 * HAND_JOINTS
    empty = None if style.face is None else [0.0] * hand
    return {
        _BODY: values[:body],
        "face_keypoints_2d": None if style.face is None else [0.0] * (3 * style.face),
        _HAND[0]: values[body : body + hand] or empty,
        _HAND[1]: values[body + hand :] or empty,
    }


def from_keypoints(frames: Sequence[Mapping[str, Any]] | Mapping[str, Any], frame_rate: Fraction) -> Motion:
    """Read what other packs write.

    - Fractions or pixels: the clip is in pixels if the larger coordinate of most joints is above 2, or if all
      coordinates are whole numbers and one is above 1. The whole clip decides, so that a small person in some frames,
      or a joint far outside, cannot.
    - Each frame is measured by its own canvas; the motion's size is that of the first.
    - A body has 18 joints (COCO) or 25 (BODY_25; its feet and middle hip are left out). Faces and feet are ignored.
    - Missing parts may be ``None``, ``[]`` or absent. The motion has hands if any person in any frame lists one.
    - The place in a frame's list says who is who; shorter lists leave the last places empty.
    - A joint of confidence 0 or less, or with ``None``, NaN or infinity in it, is missing. Confidences end at 1.

    Args:
        frames: POSE_KEYPOINT; a single frame may come without a list.
        frame_rate: where the frames do not say it, as ours do.

    Raises:
        InputError: it is no such list; the message names the frame and the person, counting from 0.
    """
    listed = _listed(frames)
    sizes = [_canvas(frame, f"frame {index}") for index, frame in enumerate(listed)]
    people = [_people(frame, f"frame {index}") for index, frame in enumerate(listed)]
    with_hands = any(_lists(person, hand) for row in people for person in row for hand in _HAND)
    joints = len(BODY_JOINTS) + (2 * HAND_JOINTS if with_hands else 0)
    keypoints = np.zeros((len(listed), max(map(len, people)), joints, 3))
    for index, row in enumerate(people):
        for slot, person in enumerate(row):
            _read_person(person, keypoints[index, slot], f"frame {index}, person {slot}")
    found = (np.abs(keypoints) < np.finfo(np.float32).max).all(axis=-1) & (keypoints[..., 2] > 0)
    keypoints[~found] = 0
    if _in_pixels(keypoints[found][:, :2]):
        keypoints[..., :2] /= np.array(sizes)[:, None, None]
    keypoints[..., 2] = np.minimum(keypoints[..., 2], 1)
    return Motion(keypoints.astype(np.float32), _frame_rate(listed[0], frame_rate), *sizes[0])


def _listed(frames: Any) -> list[Mapping[str, Any]]:
    listed = [frames] if isinstance(frames, Mapping) else frames
    if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) == 0:
        raise InputError("keypoints", _kind(listed), "a list of one frame or more")
    for index, frame in enumerate(listed):
        if not isinstance(frame, Mapping):
            raise InputError("keypoints", f"{_kind(frame)} as frame {index}", 'a dict with "people"')
    return list(listed)


def _canvas(frame: Mapping[str, Any], where: str) -> tuple[int, int]:
    width, height = frame.get("canvas_width"), frame.get("canvas_height")
    if not (_is_side(width) and _is_side(height)):
        found = f"a canvas of {width!r} x {height!r} in {where}"
        raise InputError("keypoints", found, "canvas_width and canvas_height of 1 pixel or more")
    return int(width), int(height)


def _is_side(value: Any) -> TypeGuard[float]:
    return isinstance(value, Real) and 1 <= float(value) < 1e6


def _people(frame: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    people = frame.get("people")
    if not isinstance(people, Sequence) or isinstance(people, str):
        found = "animals" if "animals" in frame else f"{_kind(people)} as people"
        raise InputError("keypoints", f"{found} in {where}", 'a list under "people", which may be empty')
    for slot, person in enumerate(people):
        if not isinstance(person, Mapping):
            raise InputError("keypoints", f"{_kind(person)} as person {slot} in {where}", f'a dict with "{_BODY}"')
    return list(people)


def _lists(person: Mapping[str, Any], name: str) -> bool:
    values = person.get(name)
    return isinstance(values, Sized) and len(values) > 0


def _read_person(person: Mapping[str, Any], row: Points, where: str) -> None:
    """Write one person's joints into ``row``, ``(18 or 60, 3)``."""
    body = len(BODY_JOINTS)
    points = _points(person, _BODY, (body, 25), where)
    if points is not None:
        row[:body] = points if len(points) == body else points[list(_BODY_25)]
    for first, name in zip((body, body + HAND_JOINTS), _HAND, strict=True):
        hand = _points(person, name, (HAND_JOINTS,), where)
        if hand is not None:
            row[first : first + HAND_JOINTS] = hand


def _points(person: Mapping[str, Any], name: str, allowed: tuple[int, ...], where: str) -> Points | None:
    values = person.get(name)
    if values is None:
        return None
    try:
        flat = np.asarray(values, np.float64).ravel()  # some list [x, y, c] per joint
    except (TypeError, ValueError, OverflowError):
        raise InputError("keypoints", f"something other than numbers in {name} of {where}", "x, y, c, …") from None
    if flat.size == 0:
        return None
    if flat.size not in [3 * joints for joints in allowed]:
        wanted = " or ".join(f"{3 * joints} ({joints} joints)" for joints in allowed)
        raise InputError("keypoints", f"{flat.size} values in {name} of {where}", wanted)
    return flat.reshape(-1, 3)


def _in_pixels(found: Points) -> bool:
    """Whether the coordinates ``(joints, 2)`` of a clip are pixels."""
    if len(found) == 0:
        return False
    larger = np.abs(found).max(axis=1)
    whole = bool((found == np.rint(found)).all()) and larger.max() > 1
    return bool(np.median(larger) > _LARGEST_FRACTION) or whole


def _frame_rate(frame: Mapping[str, Any], otherwise: Fraction) -> Fraction:
    """The rate that a frame of ours says, or the other one."""
    try:
        rate = Fraction(str(frame["frame_rate"]))
    except (KeyError, ValueError, ZeroDivisionError):
        return otherwise
    return rate if rate > 0 else otherwise


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return "an empty list" if isinstance(value, Sequence) and len(value) == 0 else f"a {type(value).__name__}"
