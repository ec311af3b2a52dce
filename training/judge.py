"""What can be read off a generated picture: where the figure is, which figure, which background, how steady."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_erosion, binary_fill_holes, binary_opening

from .poses import random_people
from .renderer import BACKDROPS, FIGURES, Picture, draw, draw_backdrop

Mask: TypeAlias = npt.NDArray[np.bool_]

_DIFFERENCE = 40
"""Least difference of a channel, of 255, between figure and background."""
_BINS = 5
_EXAMPLES = 24


def figure_mask(picture: Picture, backdrop: int) -> Mask:
    """Where a picture differs from the background it should have."""
    height, width, _ = picture.shape
    difference = np.abs(picture.astype(np.int16) - draw_backdrop(backdrop, width, height)).max(axis=2)
    return np.asarray(binary_opening(binary_fill_holes(difference > _DIFFERENCE)))


def overlap(mask: Mask, other: Mask) -> float:
    """Intersection over union; 1 if both are empty."""
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0


def which_figure(picture: Picture, mask: Mask) -> int:
    """The figure whose colours are nearest to those inside ``mask``, by Hellinger's distance of colour histograms."""
    found = _histogram(picture, mask)
    return int(np.argmin([((found - known) ** 2).sum() for known in _known_histograms()]))


def which_backdrop(picture: Picture, mask: Mask) -> int:
    """The background that is nearest outside ``mask``, by the mean difference."""
    height, width, _ = picture.shape
    outside = ~np.asarray(binary_dilation(mask, iterations=3))
    outside = outside if outside.any() else ~mask
    differences = [
        np.abs(picture.astype(np.int16) - draw_backdrop(backdrop, width, height))[outside].mean()
        for backdrop in range(len(BACKDROPS))
    ]
    return int(np.argmin(differences))


def unsteadiness(frames: Picture, masks: npt.NDArray[np.bool_], margin: int = 12) -> float:
    """Mean difference 0..255 between neighbouring frames where neither has a figure, its shadow or its glow.

    Args:
        frames: ``(frames, height, width, 3)``.
        masks: ``(frames, height, width)``.
        margin: pixels around the masks that do not count.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    wide = np.stack([cv2.dilate(mask.astype(np.uint8), kernel) > 0 for mask in masks])
    still = ~(wide[1:] | wide[:-1])
    return float(np.abs(np.diff(frames.astype(np.int16), axis=0))[still].mean())


@cache
def _known_histograms() -> list[npt.NDArray[np.float64]]:
    random = np.random.default_rng(5)
    known = []
    for figure in range(len(FIGURES)):
        drawn = []
        for index in range(_EXAMPLES):
            people = random_people(random, (128, 128), people=(0, 1, 0))
            picture, mask = draw(people, figure, index % len(BACKDROPS), 128, 128)
            drawn.append(_histogram(picture, mask > 128))
        known.append(np.mean(drawn, axis=0))
    return known


def _histogram(picture: Picture, mask: Mask) -> npt.NDArray[np.float64]:
    """Square roots of the shares of colours, inside the figure's edge."""
    inner = np.asarray(binary_erosion(mask))
    pixels = picture[inner if inner.any() else mask]
    counts, _ = np.histogramdd(pixels, bins=_BINS, range=((0, 256),) * 3)
    blurred = counts / max(1, len(pixels))
    return np.asarray(np.sqrt(blurred)).ravel()
