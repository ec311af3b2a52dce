"""Who is in front of whom, where two people cross who do not look alike."""

from __future__ import annotations

import numpy as np
import pytest

from frugal_motion.nodes.interpolation.guided.depth_order import order_evidence, told_ranks
from frugal_motion.nodes.interpolation.guided.figure_map import FigureMap
from frugal_motion.training.renderer import draw

from ..motion.synthetic import dance
from .scene import GRID, SIZE

FIGURES = 0, 2


@pytest.mark.parametrize("front", [0, 1])
def test_the_one_whose_colours_are_seen_is_in_front(front: int) -> None:
    """The second stands higher in the frame, which alone would mean further away."""
    pictures, figures = [], []
    for step in range(0, 10, 2):
        people = dance(2, GRID, 2, seed=4).keypoints[step].copy()
        people[1] = people[0]
        people[1, :, 0] += 0.25 - 0.05 * step
        people[1, :, 1] -= 0.05
        back = 1 - front
        picture = draw(people[back : back + 1], FIGURES[back], 3, *SIZE)[0]
        nearer, mask = draw(people[front : front + 1], FIGURES[front], 3, *SIZE)
        pictures.append(np.where(mask[..., None] > 96, nearer, picture))
        figures.append(FigureMap(people, SIZE))
    found = order_evidence(pictures, figures)
    ranks = told_ranks(figures[2], [found[2]])
    lowest = [min(ranks[person, limb] for limb in range(6)) for person in (0, 1)]
    assert lowest[front] > lowest[1 - front]
