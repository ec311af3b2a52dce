"""The place without the people: what several pictures of it show, and what none does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...opencv import cv2
from ..interpolator import Picture
from .figure_map import Plane

Mask = npt.NDArray[np.bool_]

_BLUR = 2.5  # pixels: what is guessed has no edges


def median_plate(pictures: Sequence[Picture], clear: Sequence[Mask]) -> tuple[Picture, Mask]:
    """At every place the median of the pictures in which it is clear of people.

    Args:
        pictures: RGB, of the same place.
        clear: where each shows it.

    Returns:
        The median (black where no picture is clear), and where there is one.
    """
    values, shown = np.stack(pictures), np.stack(clear)
    values[~shown] = 255  # sorted behind all that counts
    values.sort(axis=0)
    count = shown.sum(axis=0)[None, ..., None]
    low, high = (np.take_along_axis(values, np.maximum(at, 0), axis=0)[0] for at in ((count - 1) // 2, count // 2))
    known = count[0, ..., 0] > 0
    high = np.where(count[0] % 2 == 1, low, high)
    plate = (low.astype(np.uint16) + high + 1) // 2
    return np.where(known[..., None], plate, 0).astype(np.uint8), known


def filled(picture: Picture, known: Mask) -> Picture:
    """A picture whose unknown places have the colours of the nearest known ones, smoothly."""
    if known.all() or not known.any():
        return picture
    unknown = (~known).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(known)
    nearest = np.zeros(labels.max() + 1, np.int64)
    nearest[labels[rows, columns]] = rows * picture.shape[1] + columns
    guessed = cv2.GaussianBlur(picture.reshape(-1, 3)[nearest[labels]], (0, 0), _BLUR)
    return np.where(known[..., None], picture, guessed)


def difference(picture: Picture, plate: Picture) -> Plane:
    """The largest of the colours' differences at every place, smoothed, 0..255."""
    apart = cv2.blur(cv2.absdiff(picture, plate), (3, 3))
    return np.asarray(apart.max(axis=-1), np.float32)
