"""Clean plates of figures that are drawn over a real place, the camera standing and turning."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from bench._between import random_dance
from nodes.compositing.clean import CleanSettings, CleanStream
from nodes.compositing.hidden import hidden_places
from nodes.compositing.place import survey
from nodes.video.stream import ArrayStream, Frames
from training.renderer import draw

GRID, SIDE, FRAMES = Fraction(12), 512, 36
MARGIN = 0.01
PAN = 7.3  # pixels a frame
ROOM = 280  # pixels that the place is wider than a frame


@dataclass(frozen=True)
class Scene:
    """A drawn figure before a place: frames, its masks, the place, and how far the camera has turned, in pixels."""

    frames: Frames
    masks: Frames
    place: Frames
    left: np.ndarray


def plates(picture: np.ndarray) -> dict[str, float]:
    """PSNR of plates where some frame shows the place, and how many frames are made a second.

    Args:
        picture: of a place without people, RGB.
    """
    wide = cv2.resize(picture, (SIDE + ROOM, SIDE), interpolation=cv2.INTER_CUBIC)
    found = {}
    for name, pan in (("stands", 0.0), ("pans", PAN)):
        errors, seconds = [], 0.0
        for seed, figure in ((30, 0), (33, 3), (36, 1)):
            scene = _scene(wide, pan, seed, figure)
            clip, masks = ArrayStream(scene.frames, GRID), ArrayStream(scene.masks, GRID)
            started = time.perf_counter()
            place = survey(clip, masks, MARGIN)
            made = np.concatenate(list(CleanStream(clip, masks, place, CleanSettings(MARGIN)).chunks()))
            seconds += time.perf_counter() - started
            seen = (scene.masks[..., 0] > 127) & _seen_elsewhere(scene)
            errors.append(((made.astype(float) - scene.place) ** 2)[seen].mean())
            print(f"plate, camera {name}: {_psnr(errors[-1]):.1f} dB, {place.invented:.0%} made up")
        found[f"plate_psnr_camera_{name}"] = min(map(_psnr, errors))
        found[f"plates_per_second_camera_{name}"] = len(errors) * FRAMES / seconds
    return found


def _psnr(error: float) -> float:
    return float(10 * np.log10(255**2 / error))


def _scene(wide: np.ndarray, pan: float, seed: int, figure: int) -> Scene:
    motion = random_dance(seed)
    people = motion.keypoints[:: round(motion.frame_rate / GRID)][:FRAMES]
    left = pan * np.arange(len(people))
    middle = (SIDE - 1) / 2
    places = [cv2.getRectSubPix(wide, (SIDE, SIDE), (at + middle, middle)) for at in left]
    drawn = [draw(one, figure, 0, SIDE, SIDE) for one in people]
    shares = [mask[..., None] / 255 for _, mask in drawn]
    frames = [
        place * (1 - share) + picture * share for place, (picture, _), share in zip(places, drawn, shares, strict=True)
    ]
    masks = np.stack([np.repeat(mask[..., None], 3, -1) for _, mask in drawn])
    return Scene(np.stack(frames).round().astype(np.uint8), masks, np.stack(places), left)


def _seen_elsewhere(scene: Scene) -> np.ndarray:
    """What of each frame another shows, well clear of anybody just before and after it."""
    hidden = np.stack([hidden_places(mask[..., 0], (SIDE, SIDE), MARGIN) for mask in scene.masks])
    count = len(hidden)
    clear = [~hidden[max(at - 1, 0) : at + 2].any(axis=0) for at in range(0, count, 3)]
    found = np.zeros_like(hidden)
    for frame in range(count):
        for at, one in zip(range(0, count, 3), clear, strict=True):
            shift = np.array([(1, 0, scene.left[at] - scene.left[frame]), (0, 1, 0)], float)
            there = cv2.warpAffine(np.asarray(one, np.uint8), shift, (SIDE, SIDE), flags=cv2.INTER_NEAREST)
            found[frame] |= cv2.erode(there, np.ones((5, 5), np.uint8), borderValue=0) > 0
    return found
