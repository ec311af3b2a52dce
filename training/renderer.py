"""Pictures to learn from: figures of capsules, lit and coloured, before simple backgrounds. NumPy and OpenCV only.

Everything is drawn so that a small model at 128 px can learn it: chunky limbs, a fixed order of depth (legs, torso,
head, arms), and backgrounds whose every feature hangs on an edge of the picture or runs from side to side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Picture: TypeAlias = npt.NDArray[np.uint8]
Plane: TypeAlias = npt.NDArray[np.float32]
Keypoints: TypeAlias = npt.NDArray[np.float32]
Points: TypeAlias = npt.NDArray[np.float64]
Colour: TypeAlias = tuple[int, int, int]

SUPERSAMPLING = 2
RIGHT, LEFT, MIDDLE = 0, 1, 2


@dataclass(frozen=True)
class Figure:
    """A look.

    Attributes:
        names: what a prompt may call it, the plainest first.
        colours: RGB of the right limbs, the left limbs, and the torso and head.
        ambient, light: brightness in shadow, and what full light adds.
        edge: how dark the edges of every part are, 0..1.
        rim: RGB of right, left and middle edges that shine instead.
        ball: RGB of balls at elbows and knees.
        glow: RGB added around the figure.
        border: RGB of a line around the figure, with a shadow behind.
        eyes: RGB of the eyes.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, Colour, Colour]
    ambient: float
    light: float
    edge: float
    eyes: Colour
    rim: tuple[Colour, Colour, Colour] | None = None
    ball: Colour | None = None
    glow: Colour | None = None
    border: Colour | None = None


FIGURES = (
    Figure(
        ("wooden mannequin", "wooden artist mannequin", "wooden figure", "wooden doll"),
        ((222, 166, 100),) * 3, 0.42, 0.68, 0.5, eyes=(74, 42, 20), ball=(128, 76, 38),
    ),
    Figure(
        ("neon robot", "robot", "glowing neon robot", "cyber robot"),
        ((50, 62, 96), (64, 50, 92), (48, 56, 88)), 0.35, 0.85, 0.0, eyes=(80, 245, 255),
        rim=((40, 230, 255), (255, 60, 200), (120, 255, 160)), glow=(10, 80, 100),
    ),
    Figure(
        ("paper doll", "paper cut-out", "paper puppet", "coloured paper figure"),
        ((226, 66, 54), (46, 106, 204), (246, 182, 52)), 1.0, 0.0, 0.25, eyes=(40, 36, 60), border=(250, 248, 240),
    ),
    Figure(
        ("marble statue", "white marble figure", "marble sculpture", "stone statue"),
        ((238, 240, 244),) * 3, 0.46, 0.58, 0.35, eyes=(150, 154, 164),
    ),
    Figure(
        ("lava golem", "lava monster", "fire golem", "golem of glowing lava"),
        ((72, 34, 28), (72, 34, 28), (60, 28, 26)), 0.5, 0.7, 0.0, eyes=(255, 240, 120),
        rim=((255, 120, 20), (255, 90, 10), (255, 150, 30)), glow=(90, 30, 0),
    ),
    Figure(
        ("green alien", "alien", "little green alien", "alien creature"),
        ((86, 196, 70), (86, 196, 70), (104, 214, 84)), 0.42, 0.68, 0.5, eyes=(22, 16, 40), ball=(52, 140, 62),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Backdrop:
    """A background: what a prompt may call it, and how it is painted."""

    names: tuple[str, ...]
    paint: Callable[[_Canvas], None]


class _Canvas:
    """A picture under the brush. ``y`` runs 0..1 from top to bottom; lengths are in shorter sides."""

    def __init__(self, width: int, height: int) -> None:
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        side = min(width, height)
        self.y = (rows + 0.5) / height
        self.from_left, self.from_right = (columns + 0.5) / side, (width - columns - 0.5) / side
        self.from_top = (rows + 0.5) / side
        self.pixels = np.zeros((height, width, 3), np.float32)

    def gradient(self, top: Colour, bottom: Colour, end: float) -> None:
        share = np.clip(self.y / end, 0, 1)[..., None]
        self.pixels[:] = _rgb(top) + (_rgb(bottom) - _rgb(top)) * share

    def mix(self, colour: Colour, share: Plane) -> None:
        self.pixels += (_rgb(colour) - self.pixels) * np.clip(share, 0, 1)[..., None]

    def below(self, edge: Plane | float, upper: Colour, lower: Colour) -> None:
        """Ground from ``edge`` down."""
        there = _soft(self.y - edge)
        self.mix(upper, there)
        self.mix(lower, there * np.clip((self.y - edge) / (1 - edge), 0, 1))

    def disc(self, x: Plane, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        self.mix(colour, _soft(radius - np.hypot(x - centre[0], self.from_top - centre[1])))


def _rgb(colour: Colour) -> Plane:
    return np.array(colour, np.float32)


def _soft(distance: Plane, width: float = 0.012) -> Plane:
    """0..1 across an edge of this width."""
    return np.asarray(np.clip(distance / width + 0.5, 0, 1), np.float32)


def _studio(canvas: _Canvas) -> None:
    canvas.gradient((206, 196, 182), (234, 224, 208), 0.8)
    canvas.below(0.82, (150, 128, 106), (178, 154, 128))


def _night(canvas: _Canvas) -> None:
    canvas.gradient((12, 14, 46), (76, 28, 102), 0.75)
    for x in (canvas.from_left, canvas.from_right):  # two towers at either side
        canvas.mix((18, 14, 38), _soft(0.16 - x) * _soft(canvas.y - 0.34))
        canvas.mix((24, 18, 48), _soft(0.07 - np.abs(x - 0.23)) * _soft(canvas.y - 0.5))
    canvas.disc(canvas.from_right, (0.14, 0.14), 0.075, (250, 240, 200))
    canvas.below(0.78, (34, 14, 52), (20, 8, 34))
    canvas.mix((214, 44, 180), _soft(0.009 - np.abs(canvas.y - 0.78)))


def _beach(canvas: _Canvas) -> None:
    canvas.gradient((112, 186, 240), (208, 234, 250), 0.5)
    canvas.disc(canvas.from_left, (0.15, 0.15), 0.08, (255, 236, 140))
    canvas.below(0.5, (28, 136, 170), (70, 190, 205))
    canvas.mix((240, 250, 250), _soft(0.012 - np.abs(canvas.y - 0.69)))
    canvas.below(0.7, (238, 212, 154), (214, 180, 120))


def _forest(canvas: _Canvas) -> None:
    canvas.gradient((158, 204, 128), (108, 164, 88), 0.75)
    for x in (canvas.from_left, canvas.from_right):  # two trunks at either side
        canvas.mix((78, 58, 42), _soft(0.045 - np.abs(x - 0.1)))
        canvas.mix((92, 70, 50), _soft(0.025 - np.abs(x - 0.27)))
    canvas.mix((38, 100, 46), _soft(0.16 - canvas.y, 0.02))
    canvas.below(0.78, (66, 126, 52), (42, 90, 38))


def _snow(canvas: _Canvas) -> None:
    canvas.gradient((126, 150, 196), (202, 214, 234), 0.6)
    for x, reach in ((canvas.from_left, 0.42), (canvas.from_right, 0.42)):  # a mountain at either side
        canvas.mix((104, 122, 162), _soft(canvas.y - 0.36 - 0.34 * x / reach))
        canvas.mix((244, 248, 252), _soft(canvas.y - 0.36 - 0.34 * x / reach) * _soft(0.47 - canvas.y))
    canvas.below(0.7, (240, 245, 252), (210, 222, 240))


def _desert(canvas: _Canvas) -> None:
    canvas.gradient((116, 48, 96), (250, 150, 60), 0.62)
    canvas.mix((255, 222, 110), _soft(0.035 - np.abs(canvas.y - 0.6), 0.05))
    canvas.below(0.64, (198, 106, 52), (150, 74, 42))
    canvas.below(0.84, (140, 66, 40), (104, 46, 36))


BACKDROPS = (
    Backdrop(("in a studio", "in a photo studio", "studio background"), _studio),
    Backdrop(("at night", "in a city at night", "night skyline"), _night),
    Backdrop(("on a beach", "on a sandy beach by the sea", "at the beach"), _beach),
    Backdrop(("in a forest", "in a green forest", "in the woods among trees"), _forest),
    Backdrop(("in the snow", "in snowy mountains", "on a snowy plain in winter"), _snow),
    Backdrop(("in the desert", "in a desert at sunset", "on orange dunes at dusk"), _desert),
)


@lru_cache(maxsize=64)
def _painted(backdrop: int, width: int, height: int) -> Plane:
    canvas = _Canvas(width, height)
    BACKDROPS[backdrop].paint(canvas)
    canvas.pixels.setflags(write=False)
    return canvas.pixels


def draw_backdrop(backdrop: int, width: int, height: int) -> Picture:
    """A background alone, RGB ``(height, width, 3)``."""
    painted = _painted(backdrop, width * SUPERSAMPLING, height * SUPERSAMPLING)
    return _shrunk(np.clip(painted, 0, 255).astype(np.uint8), (width, height))


def draw(people: Keypoints, figure: int, backdrop: int, width: int, height: int) -> tuple[Picture, Picture]:
    """Draw people as figures before a background.

    Args:
        people: ``(people, 18, 3)``: x, y as fractions of the picture; confidence 0 leaves a joint out.
        figure, backdrop: indices of ``FIGURES`` and ``BACKDROPS``.
        width, height: of the picture in pixels.

    Returns:
        RGB ``(height, width, 3)`` and the figures' mask ``(height, width)``, 0..255.
    """
    place = _painted(backdrop, width * SUPERSAMPLING, height * SUPERSAMPLING)
    return draw_over(place, people, figure)


def draw_over(place: Plane, people: Keypoints, figure: int) -> tuple[Picture, Picture]:
    """Draw people as figures over any picture.

    Args:
        place: RGB ``(SUPERSAMPLING * height, SUPERSAMPLING * width, 3)``, 0..255; it is left as it is.
        people, figure: as of ``draw``.

    Returns:
        As ``draw``.
    """
    pixels = place.copy()
    mask = np.zeros(pixels.shape[:2], np.uint8)
    height, width = len(pixels) // SUPERSAMPLING, len(pixels[0]) // SUPERSAMPLING
    for person in people:
        _draw_person(pixels, mask, person, FIGURES[figure])
    picture = np.clip(pixels, 0, 255).astype(np.uint8)
    return _shrunk(picture, (width, height)), _shrunk(mask, (width, height))


def _shrunk(picture: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class _Part:
    """The convex hull of some discs (x, y, radius), all in pixels."""

    name: str
    side: int
    discs: tuple[tuple[float, float, float], ...]

    @property
    def radius(self) -> float:
        return max(radius for _, _, radius in self.discs)

    def outline(self) -> npt.NDArray[np.int32]:
        turns = np.linspace(0, 2 * math.pi, 24, endpoint=False)
        circle = np.stack((np.cos(turns), np.sin(turns)), axis=1)
        points = np.concatenate([np.array((x, y)) + radius * circle for x, y, radius in self.discs])
        return np.asarray(cv2.convexHull(points.round().astype(np.int32)))


def _draw_person(pixels: Plane, mask: Picture, person: Keypoints, figure: Figure) -> None:
    height, width = mask.shape
    points = person[:, :2].astype(np.float64) * (width, height)
    found = person[:, 2] > 0
    scale = body_scale(points, found)
    parts = list(_parts(points, found, scale, balls=figure.ball is not None))
    body = np.zeros_like(mask)
    for part in parts:
        cv2.fillConvexPoly(body, part.outline(), 255)
    _draw_shadow(pixels, points[[10, 13]][found[[10, 13]]], scale)
    if figure.glow:
        halo = cv2.GaussianBlur(body.astype(np.float32) / 255, (0, 0), 0.1 * scale + 1)
        pixels += halo[..., None] * _rgb(figure.glow)
    if figure.border:
        body = _draw_border(pixels, body, scale, figure.border)
    for part in parts:
        _draw_part(pixels, part, scale, figure)
    mask |= body


def body_scale(points: Points, found: npt.NDArray[np.bool_]) -> float:
    """About 1.2 lengths of the torso, guessed from whichever bones are seen least shortened. Pixels."""
    bones = ((8, 9, 1.15), (11, 12, 1.15), (9, 10, 1.2), (12, 13, 1.2), (2, 5, 1.3), (2, 3, 1.6), (5, 6, 1.6))
    lengths = [ratio * math.dist(points[a], points[b]) for a, b, ratio in bones if found[a] and found[b]]
    if found[[1, 8, 11]].all():
        lengths.append(math.dist(points[1], (points[8] + points[11]) / 2))
    return 1.2 * max(lengths, default=1e-3)


def _parts(points: Points, found: npt.NDArray[np.bool_], scale: float, *, balls: bool) -> Iterator[_Part]:
    """The visible parts of a body from back to front."""

    def limb(name: str, side: int, *joints: tuple[int, float]) -> Iterator[_Part]:
        if all(found[joint] for joint, _ in joints):
            yield _Part(name, side, tuple((*points[joint], radius * scale) for joint, radius in joints))

    for hip, side in ((8, RIGHT), (11, LEFT)):
        yield from limb("thigh", side, (hip, 0.15), (hip + 1, 0.115))
        yield from limb("shin", side, (hip + 1, 0.115), (hip + 2, 0.085))
        if found[hip + 2]:
            x, y = points[hip + 2]
            yield _Part("foot", side, ((x, y, 0.095 * scale), (x, y + 0.06 * scale, 0.105 * scale)))
        if balls:
            yield from limb("ball", side, (hip + 1, 0.11))
    yield from limb("torso", MIDDLE, (2, 0.12), (5, 0.12), (8, 0.15), (11, 0.15))
    if not found[[8, 11]].all():
        yield from limb("torso", MIDDLE, (2, 0.12), (5, 0.12))
    yield from _head(points, found, scale)
    for shoulder, side in ((2, RIGHT), (5, LEFT)):
        yield from limb("upper arm", side, (shoulder, 0.115), (shoulder + 1, 0.095))
        yield from limb("forearm", side, (shoulder + 1, 0.095), (shoulder + 2, 0.075))
        if balls:
            yield from limb("ball", side, (shoulder + 1, 0.09))
        yield from limb("hand", side, (shoulder + 2, 0.105))


def _head(points: Points, found: npt.NDArray[np.bool_], scale: float) -> Iterator[_Part]:
    face = [joint for joint in (0, 14, 15, 16, 17) if found[joint]]
    if not (found[1] and face):
        return
    middle = points[face].mean(axis=0)
    up = middle - points[1]
    up /= np.hypot(*up) + 1e-6
    x, y = middle + 0.05 * scale * up
    yield _Part("neck", MIDDLE, ((*points[1], 0.08 * scale), (x, y, 0.08 * scale)))
    yield _Part("head", MIDDLE, ((x, y, 0.2 * scale), (*(middle + 0.1 * scale * up), 0.2 * scale)))
    for eye in (14, 15):
        if found[eye]:
            yield _Part("eye", MIDDLE, ((*(points[eye] + 0.03 * scale * up), 0.05 * scale),))


def _draw_shadow(pixels: Plane, ankles: Points, scale: float) -> None:
    shade = np.zeros(pixels.shape[:2], np.float32)
    for x, y in ankles:
        centre = round(x), round(y + 0.14 * scale)
        cv2.ellipse(shade, centre, (max(1, round(0.28 * scale)), max(1, round(0.07 * scale))), 0, 0, 360, 1.0, -1)
    if len(ankles):
        pixels *= (1 - 0.4 * cv2.GaussianBlur(shade, (0, 0), 0.05 * scale + 0.5))[..., None]


def _draw_border(pixels: Plane, body: Picture, scale: float, colour: Colour) -> Picture:
    """A line around the body with a shadow behind; gives the body with its line."""
    offset = round(0.08 * scale)
    shift = np.array(((1, 0, offset), (0, 1, offset)), np.float32)
    shadow = cv2.warpAffine(body, shift, body.shape[::-1]).astype(np.float32) / 255
    pixels *= (1 - 0.4 * cv2.GaussianBlur(shadow, (0, 0), 1.5))[..., None]
    side = 2 * max(1, round(0.05 * scale)) + 1
    body = np.asarray(cv2.dilate(body, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8)
    pixels[body > 0] = colour
    return body


def _draw_part(pixels: Plane, part: _Part, scale: float, figure: Figure) -> None:
    outline = part.outline()
    height, width = pixels.shape[:2]
    x, y, w, h = cv2.boundingRect(outline)
    left, top, right, bottom = max(0, x - 2), max(0, y - 2), min(width, x + w + 2), min(height, y + h + 2)
    if left >= right or top >= bottom:
        return
    # One pixel more on every side, and beyond the picture's edges, so that a cut part has no edge there.
    there = np.zeros((h + 6, w + 6), np.uint8)
    cv2.fillConvexPoly(there, outline - np.array((x - 3, y - 3), np.int32), 1)
    depth = np.asarray(cv2.distanceTransform(there, cv2.DIST_L2, 3), np.float32)
    shaded = _shaded(depth, part, scale, figure)
    rows, columns = slice(top - y + 3, bottom - y + 3), slice(left - x + 3, right - x + 3)
    inside = there[rows, columns] > 0
    pixels[top:bottom, left:right][inside] = shaded[rows, columns][inside]


def _shaded(depth: Plane, part: _Part, scale: float, figure: Figure) -> Plane:
    """Colours of a part ``(h, w, 3)`` from how deep each pixel lies inside it."""
    if part.name == "eye":
        return np.broadcast_to(_rgb(figure.eyes), (*depth.shape, 3))
    colour = figure.ball if part.name == "ball" and figure.ball else figure.colours[part.side]
    light = figure.ambient + (figure.light * _lit(depth, part.radius) if figure.light else 0.0)
    pixels = _rgb(colour) * np.broadcast_to(light, depth.shape)[..., None].astype(np.float32)
    edge = np.clip(1 - (depth - 1) / (0.045 * scale + 0.6), 0, 1)[..., None]
    if figure.rim:
        return np.asarray(pixels + (_rgb(figure.rim[part.side]) - pixels) * edge)
    return np.asarray(pixels * (1 - figure.edge * edge))


def _lit(depth: Plane, radius: float) -> Plane:
    """Lambert's law 0..1 on a rounded body, the light from the upper left."""
    slope = 1 - np.minimum(depth / max(radius, 1.0), 1)
    bulge = (radius * np.sqrt(np.maximum(1 - slope * slope, 0))).astype(np.float32)
    bulge = cv2.GaussianBlur(bulge, (0, 0), 1.2)
    across, down = (cv2.Sobel(bulge, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
    light = (0.5 * across + 0.62 * down + 0.6) / np.sqrt(across * across + down * down + 1)
    return np.asarray(np.clip(light, 0, 1), np.float32)
