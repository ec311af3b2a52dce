"""How much of each pixel is a figure: by the distance to its bones, by colours, by what lies behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from ...compositing.plate import BinaryMask
from ...opencv import cv2
from ...video.stream import Picture
from .figure_map import Plane

# In nats for a figure, by the distance from its capsules in body scales.
_DISTANCES = (-0.12, -0.05, 0.0, 0.06, 0.14, 0.22, 0.40)
_PRIOR = (6.0, 3.5, 1.2, 0.0, -1.2, -2.5, -9.0)

_LEVELS = 16  # per colour
_MOST_COLOUR, _COLOUR_WEIGHT = 2.0, 0.8  # nats
_DIFFERENCE_WEIGHT = 3.5  # nats
_SURE, _NEARBY = 0.5, 2.0  # body scales: background, and background that is near
_RADIUS, _SMOOTH = 4, 80.0  # of the guided filter: pixels, and squared levels of 255
_LOW, _HIGH = 0.12, 0.88  # of what the filter gives: what counts as nothing, and as all

Histogram = npt.NDArray[np.float64]


def colour_counts(picture: Picture, distance: Plane) -> tuple[Histogram, Histogram]:
    """How often each colour is found well inside of figures, and in the background near them."""
    codes = _codes(picture)
    inside, nearby = distance < -0.05, (distance > 0.3) & (distance < _NEARBY)
    counted = [np.bincount(codes[where], minlength=_LEVELS**3).astype(float) for where in (inside, nearby)]
    return counted[0], counted[1]


def matte(
    picture: Picture, distance: Plane, plate: Picture, known: BinaryMask, counts: Sequence[tuple[Histogram, Histogram]]
) -> Plane:
    """The share 0..1 of every pixel that figures have, ``(height, width)``.

    Args:
        picture: RGB.
        distance: from the nearest capsule, in body scales, at the picture's size.
        plate: the place without people, and where it is ``known``.
        counts: of this picture and of those near it (``colour_counts``).
    """
    evidence = np.interp(distance, _DISTANCES, _PRIOR).astype(np.float32)
    evidence += _COLOUR_WEIGHT * _colour_evidence(counts)[_codes(picture)]
    evidence += np.where(known, _plate_evidence(difference(picture, plate), known & (distance > _SURE)), 0)
    rough = 1 / (1 + np.exp(-np.clip(cv2.blur(evidence, (3, 3)), -30, 30)))
    fine = guided_filter(picture, rough.astype(np.float32), _RADIUS, _SMOOTH)
    return np.asarray(np.clip((fine - _LOW) / (_HIGH - _LOW), 0, 1), np.float32)


def guided_filter(picture: Picture, values: Plane, radius: int, smooth: float) -> Plane:
    """Values smoothed but for where the picture has edges (He, Sun and Tang, "Guided image filtering", ECCV 2010).

    Args:
        picture: RGB; its brightness guides.
        values: ``(height, width)``.
        radius: of the window, in pixels.
        smooth: variance of the brightness, in squared levels of 255, below which there is no edge.
    """

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.blur(plane, (2 * radius + 1, 2 * radius + 1)), np.float32)

    guide = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    guide_mean, value_mean = mean(guide), mean(values)
    slope = (mean(guide * values) - guide_mean * value_mean) / (mean(guide * guide) - guide_mean**2 + smooth)
    return np.asarray(mean(slope) * guide + mean(value_mean - slope * guide_mean), np.float32)


def _codes(picture: Picture) -> npt.NDArray[np.int32]:
    levels = (picture >> 4).astype(np.int32)
    return (levels[..., 0] << 8) | (levels[..., 1] << 4) | levels[..., 2]


def _colour_evidence(counts: Sequence[tuple[Histogram, Histogram]]) -> Plane:
    """By colour, what speaks for a figure, in nats."""
    figure, background = (_likelihood(sum(pair[side] for pair in counts)) for side in (0, 1))  # type: ignore[arg-type]
    return np.clip(np.log(figure / background), -_MOST_COLOUR, _MOST_COLOUR).astype(np.float32)


def _likelihood(counts: Histogram) -> Histogram:
    smooth = gaussian_filter(counts.reshape((_LEVELS,) * 3), 0.8).ravel()
    smooth = smooth + 1e-3 * max(counts.sum(), 1) / _LEVELS**3
    return np.asarray(smooth / smooth.sum())


def _plate_evidence(apart: Plane, background: BinaryMask) -> Plane:
    """What the difference from the plate speaks for, beside the noise where there is nobody."""
    noise = float(np.percentile(apart[background], 80)) if background.any() else 8.0
    return np.asarray(np.clip((apart - (8 + 1.5 * noise)) / (5 + noise), -1, 1) * _DIFFERENCE_WEIGHT, np.float32)


def difference(picture: Picture, plate: Picture) -> Plane:
    """The largest of the colours' differences at every place, smoothed, 0..255."""
    red, green, blue = cv2.split(cv2.blur(cv2.absdiff(picture, plate), (3, 3)))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.float32)  # NumPy is ten times as slow
