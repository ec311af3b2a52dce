"""A square around somebody's face, which moves as a calm hand would lead a camera."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from ..errors import InputError
from ..motion.body import NECK, PARTS
from ..motion.framing import is_same_source, reframed
from ..motion.motion import BODY_JOINTS, Motion
from ..video.stream import VideoInfo
from .calm import calmest
from .crop import Crop

Heads = npt.NDArray[np.float64]
"""Of each frame in pixels: middle across and down, and width of the face ``(frames, 3)``; NaN where it is not known."""

_NOSE, _RIGHT_EYE, _LEFT_EYE, _RIGHT_EAR, _LEFT_EAR = (
    BODY_JOINTS.index(name) for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")
)
_FACE = list(PARTS["head"])
# How many times as far as two joints are apart a face is wide, from ear to ear: proportions of adults. The largest is
# right: a face from the side has its ears behind each other, one from the front its nose between them.
_WIDTHS = (
    (_RIGHT_EAR, _LEFT_EAR, 1.0),
    (_RIGHT_EYE, _LEFT_EYE, 2.3),
    (_NOSE, _RIGHT_EAR, 1.25),
    (_NOSE, _LEFT_EAR, 1.25),
    (_NOSE, NECK, 0.65),
)
_BOX = 1.45  # widths of the face: as Wan Animate was trained, brows to chin fill the picture; and some leeway
_PLAY = 0.1  # of the box, by how much the face may be off its middle
_DIGITS = 2  # of pixels, so that what stands, stands exactly
_STEADY = 5  # frames over which a width must last to count


def face_box(motion: Motion, info: VideoInfo, size: int = 512, person: int = 0) -> Crop:
    """A square of one size for the whole clip around a face; it stands where it can and lies inside the picture.

    Where the face is not seen it stays where it was. At the edge of the picture it stops, and the face is no longer in
    its middle; it is never larger than the picture.

    Args:
        motion: of the people in the clip.
        info: of the clip; it may show another part of the file that the motion was found in.
        size: side of the cropped pictures in pixels.
        person: whose face, from 0.

    Raises:
        InputError: there is no such person, the motion has another number of frames, or the face is in none of them.
    """
    if size < 1:
        raise InputError("size", str(size), "1 pixel or more")
    if motion.frame_count != info.frame_count:
        found, allowed = f"{motion.frame_count} frames", f"{info.frame_count}, as the video has"
        raise InputError("motion", found, allowed)
    if motion.people == 0:
        raise InputError("motion", "nobody in any frame", "a motion with somebody whose face is seen")
    if not 0 <= person < motion.people:
        raise InputError("person", str(person + 1), f"1 to {motion.people}, as the motion has")
    if is_same_source(motion, info):
        motion = reframed(motion, info)
    heads = _heads(motion, person, (info.width, info.height))
    widths = heads[~np.isnan(heads[:, 2]), 2]
    if not len(widths):
        raise InputError("motion", "no face in any frame", "a motion with somebody whose face is seen")
    widest = median_filter(widths, _STEADY, mode="nearest").max()
    side = int(np.clip(np.ceil(_BOX * widest), 1, min(info.width, info.height)))
    middles = [_path(heads[:, axis], side, length) for axis, length in ((0, info.width), (1, info.height))]
    corners = np.stack(middles, axis=1) - side / 2
    corners = np.clip(corners, 0, np.subtract((info.width, info.height), side))
    return Crop(corners, (side, side), (info.width, info.height), (size, size), info.frame_rate, info.region)


def _heads(motion: Motion, person: int, frame: tuple[int, int]) -> Heads:
    keypoints = motion.keypoints[:, person]
    points = np.where(keypoints[..., 2:] > 0, keypoints[..., :2] * np.array(frame), np.nan)
    face = points[:, _FACE]
    middles = (_ignoring(np.fmin, face) + _ignoring(np.fmax, face)) / 2
    wide = [ratio * np.hypot(*(points[:, a] - points[:, b]).T) for a, b, ratio in _WIDTHS]
    widths = np.fmax.reduce(wide)
    return np.column_stack((middles, np.where(widths > 0, widths, np.nan)))


def _ignoring(choose: np.ufunc, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Least or most of the joints that are known, in each frame."""
    return np.asarray(choose.reduce(points, axis=1))


def _path(middles: npt.NDArray[np.float64], side: int, length: int) -> npt.NDArray[np.float64]:
    """Where the middle of the box is along one side of the picture, of ``length`` pixels."""
    held = _held(middles)
    least, most = np.clip((held - _PLAY * side, held + _PLAY * side), side / 2, length - side / 2)
    path = calmest(least, most)
    # As calm anywhere within its bounds: there the face is most in the middle.
    shift = ((least - path).max() + (most - path).min()) / 2
    return np.asarray((path + shift).round(_DIGITS))


def _held(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What is not known as it was before; at the beginning as it will be."""
    known = np.flatnonzero(~np.isnan(places))
    last = np.searchsorted(known, np.arange(len(places)), side="right") - 1
    return places[known[np.maximum(last, 0)]]
