"""How alike two pictures are."""

from __future__ import annotations

import numpy as np

from ...opencv import cv2
from ...video.stream import Picture
from .figure_map import Plane

_WINDOW, _SIGMA = (11, 11), 1.5
_LOW, _HIGH = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def structural_similarity(first: Picture, second: Picture) -> Plane:
    """Structural similarity at every pixel, at most 1: the mean over the colours, ``(height, width)``.

    Wang and others, "Image quality assessment", IEEE Transactions on Image Processing 13 (2004).
    """

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.GaussianBlur(plane, _WINDOW, _SIGMA), np.float32)

    a, b = first.astype(np.float32), second.astype(np.float32)
    a_mean, b_mean = mean(a), mean(b)
    variances = mean(a * a) - a_mean**2 + mean(b * b) - b_mean**2
    covariance = mean(a * b) - a_mean * b_mean
    found = (2 * a_mean * b_mean + _LOW) * (2 * covariance + _HIGH)
    found /= (a_mean**2 + b_mean**2 + _LOW) * (variances + _HIGH)
    return np.asarray(found.mean(axis=-1), np.float32)
