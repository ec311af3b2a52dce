"""The field of bones at the size of the frame: where it jumps, along the line between two parts and not in stairs."""

from __future__ import annotations

from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...opencv import cv2
from ...video.stream import Picture
from .bone_field import BoneField
from .figure_map import FigureMap, Plane

Places: TypeAlias = npt.NDArray[np.intp]

_JUMP = 1.5  # pixels: by which offsets jump from one to the next

_CORNERS = tuple(product((0, 1), repeat=2))  # below and right, of the four places around a pixel


def enlarged_field(target: FigureMap, field: BoneField) -> tuple[Plane, Picture]:
    """Offsets of every pixel of the box ``(height, width, 2)``, and a mask of what is beside lines at which they jump.

    Between two places that mean the same the offsets are in between. Between two that do not, a pixel goes with the
    part that has more of it, which is told of it by the shares of all four places around it.
    """
    offsets, owner = target.enlarged(field.offsets), field.shares.argmax(axis=0)
    rows, columns = np.nonzero(_torn(target, field, owner))
    if not len(rows):
        return offsets, np.zeros(offsets.shape[:2], np.uint8)
    offsets[rows, columns] = _cut(target, field, owner, rows, columns)
    return offsets, _beside_jumps(offsets)


def _torn(target: FigureMap, field: BoneField, owner: Places) -> npt.NDArray[np.bool_]:
    """The pixels ``(height, width)`` between places of several parts where offsets jump."""
    owners, jumps = (
        cv2.copyMakeBorder(one.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        for one in (owner, _jumps(field.offsets))
    )
    corners = [np.s_[below : below - 1 or None, right : right - 1 or None] for below, right in _CORNERS]
    cells = np.any([owners[at] != owners[corners[0]] for at in corners], axis=0)
    cells &= np.any([jumps[at] for at in corners], axis=0)
    pixels = cells.repeat(target.step, axis=0).repeat(target.step, axis=1)
    half, box = target.step // 2, target.box
    return np.asarray(pixels[half : half + box.height, half : half + box.width])


def _jumps(field: Plane) -> npt.NDArray[np.bool_]:
    """Places beside which offsets go on as on neither side ``(height, width)``: where a limb turns they go on."""
    found = np.zeros(field.shape[:2], bool)
    for turned, marks in ((field, found), (field.swapaxes(0, 1), found.swapaxes(0, 1))):
        if len(turned) < 3:
            continue
        steps = np.diff(turned, axis=0)
        bends = np.hypot(*np.moveaxis(np.diff(steps, axis=0), -1, 0))
        before, after = np.vstack((bends[:1], bends)), np.vstack((bends, bends[-1:]))
        jumps = np.minimum(before, after) > _JUMP
        marks[:-1] |= jumps
        marks[1:] |= jumps
    return found


def _cut(target: FigureMap, field: BoneField, owner: Places, rows: Places, columns: Places) -> Plane:
    """The offsets ``(pixels, 2)`` of pixels, each by those places around it which belong to the part that it does.

    Args:
        owner: the part that has most of each place ``(height, width)``.
        rows, columns: of the pixels.
    """
    height, width = field.offsets.shape[:2]
    down, across = ((at - (target.step - 1) / 2) / target.step for at in (rows, columns))
    above, left = np.floor(down).astype(int), np.floor(across).astype(int)
    down, across = down - above, across - left
    weights = np.stack([(down if below else 1 - down) * (across if right else 1 - across) for below, right in _CORNERS])
    downs, rights = (
        [np.clip(at + one, 0, side - 1) for one in (0, 1)] for at, side in ((above, height), (left, width))
    )
    places = np.stack([downs[below] * width + rights[right] for below, right in _CORNERS])
    owners = owner.ravel()[places]
    shares = [(weights * field.shares.ravel()[own * owner.size + places]).sum(axis=0) for own in owners]
    own = np.take_along_axis(owners, np.argmax(shares, axis=0)[None], axis=0)
    weights = np.where(owners == own, weights + 1e-6, 0)
    weights /= weights.sum(axis=0)
    return np.asarray((weights[..., None] * field.offsets.reshape(-1, 2)[places]).sum(axis=0), np.float32)


def _beside_jumps(offsets: Plane) -> Picture:
    found = np.zeros(offsets.shape[:2], np.uint8)
    planes = cv2.split(offsets)  # OpenCV would copy what is turned
    for before, after in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        jumps = cv2.max(*(cv2.absdiff(plane[after], plane[before]) for plane in planes)) > _JUMP
        found[before] |= jumps
        found[after] |= jumps
    return found
