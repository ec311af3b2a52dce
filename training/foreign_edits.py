"""Figures drawn into masks of places that nobody has seen: what the model makes of them, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch

from . import foreign_places, judge
from .drawn_pictures import draw_hint, redrawn, region_around
from .poses import UNSEEN_TAKES, random_people
from .renderer import FIGURES, SUPERSAMPLING, Picture

if TYPE_CHECKING:
    from .evaluate import Generator

SIZE = 128


@dataclass(frozen=True)
class Edit:
    """A figure that is to be drawn into a region of a place without a name, where another one was.

    Attributes:
        figure: which.
        hint: control image ``(h, w, 3)``.
        region: 0..255 ``(h, w)``.
        source, truth: pictures ``(h, w, 3)`` of the other figure, and of this one.
        mask: of this figure 0..255 ``(h, w)``.
    """

    figure: int
    hint: Picture
    region: Picture
    source: Picture
    truth: Picture
    mask: Picture


def examples(count: int, seed: int) -> list[Edit]:
    """Every figure in turn, in poses and places that training has not seen."""
    random = np.random.default_rng(seed)
    found = []
    for figure in (index % len(FIGURES) for index in range(count)):
        place = foreign_places.paint(random, SUPERSAMPLING * SIZE, SUPERSAMPLING * SIZE)
        people = random_people(random, (SIZE, SIZE), UNSEEN_TAKES, people=(0, 1, 0))
        region = region_around(random, people, SIZE, SIZE)
        source, _ = redrawn(place, people, (figure + 1) % len(FIGURES), region)
        found.append(
            Edit(figure, draw_hint(people, SIZE, SIZE), region, source, *redrawn(place, people, figure, region))
        )
    return found


def generated(generator: Generator, wanted: Sequence[Edit], seed: int = 1) -> list[Picture]:
    """What the model draws where it is asked to, in prompts that name the figure alone."""
    return [
        generator(
            f"a {FIGURES[one.figure].names[0]}",
            one.hint[None],
            seed,
            generator.encode(one.source[None]),
            noise_mask=torch.from_numpy(one.region)[None, None] / 255,
        )[0]
        for one in wanted
    ]


def score(generator: Generator, pictures: Sequence[Picture], wanted: Sequence[Edit]) -> dict[str, float]:
    """Against what was drawn.

    Returns:
        Share of the figures that are the wanted ones; PSNR in dB of the figures, of the place beside them as far as it
        is in the region, and of what the autoencoder alone keeps of that.
    """
    kept = [generator.decode(generator.encode(one.truth[None]))[0] for one in wanted]
    figures = [one.mask > 128 for one in wanted]
    beside = [
        (one.region > 128) & (cv2.dilate(one.mask, np.ones((5, 5), np.uint8)) == 0) for one in wanted
    ]  # the figure's edge is soft

    def psnr(made: Sequence[Picture], where: Sequence[npt.NDArray[np.bool_]]) -> float:
        wrong = [
            (a[there] / 255.0 - one.truth[there] / 255.0) for a, one, there in zip(made, wanted, where, strict=True)
        ]
        return float(-10 * np.log10(np.mean(np.concatenate(wrong) ** 2)))

    right = [judge.which_figure(p, f) == one.figure for p, f, one in zip(pictures, figures, wanted, strict=True)]
    return {
        "figure_accuracy": float(np.mean(right)),
        "figure_psnr": psnr(pictures, figures),
        "place_psnr": psnr(pictures, beside),
        "encoded_place_psnr": psnr(kept, beside),
    }
