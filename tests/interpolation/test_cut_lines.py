"""Fields of bones at the size of the frame."""

from __future__ import annotations

import numpy as np
import pytest

from frugal_motion.nodes.interpolation.guided.bone_field import BoneField
from frugal_motion.nodes.interpolation.guided.cut_lines import enlarged_field
from frugal_motion.nodes.interpolation.guided.figure_map import FigureMap, Plane

SIZE = 512, 384
PLACES = FigureMap(np.zeros((0, 18, 3), np.float32), SIZE)


def field(offsets: Plane, shares: Plane) -> BoneField:
    return BoneField(offsets.astype(np.float32), shares.astype(np.float32), shares[0], shares[0])


def beyond_a_line(columns: Plane, rows: Plane, angle: float) -> Plane:
    """Pixels from a line through the middle."""
    return (columns - SIZE[0] / 2) * np.cos(angle) + (rows - SIZE[1] / 2) * np.sin(angle)


def inside(plane: Plane) -> Plane:
    """What lies between places: at the rim of a frame nothing is told of one side."""
    return plane[PLACES.step : -PLACES.step, PLACES.step : -PLACES.step]


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.0, np.pi / 2, 2.6])
def test_the_cut_between_two_parts_is_the_line_between_them(angle: float) -> None:
    """One part is moved to the left and one to the right: every pixel goes with the part that it lies in."""
    apart = beyond_a_line(PLACES.columns, PLACES.rows, angle)
    share = np.clip(0.5 + apart / 40, 0, 1)
    offsets = np.dstack((np.where(share > 0.5, 10, -10), np.zeros_like(share)))
    found, beside = enlarged_field(PLACES, field(offsets, np.stack((share, 1 - share))))
    pixels = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    at = beyond_a_line(*pixels, angle)
    sure = inside(np.abs(at) > 0.01)
    np.testing.assert_array_equal(inside(found)[sure][:, 0], inside(np.where(at > 0, 10, -10))[sure])
    assert inside(beside)[inside(np.abs(at)) < 0.5].all()
    assert not beside[np.abs(at) > 2].any()


def test_a_limb_that_turns_is_not_cut() -> None:
    """A quarter turn moves pixels of one limb by very different amounts, also where two of its parts meet."""
    offsets = np.dstack((PLACES.rows - PLACES.columns, -PLACES.columns - PLACES.rows))
    share = np.clip(0.5 + beyond_a_line(PLACES.columns, PLACES.rows, 0.4) / 40, 0, 1)
    found, _ = enlarged_field(PLACES, field(offsets, np.stack((share, 1 - share))))
    columns, rows = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    np.testing.assert_allclose(inside(found), inside(np.dstack((rows - columns, -columns - rows))), atol=1e-2)
