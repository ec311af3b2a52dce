"""Clips without their people, against the places that people were drawn over."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.compositing.clean import CleanSettings, CleanStream
from frugal_motion.nodes.compositing.place import Place, survey
from frugal_motion.nodes.compositing.plate import inpainted
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.stream import ArrayStream, Frames

from ..interpolation.scene import CountedStream

RATE = Fraction(12)
WIDTH, HEIGHT, FRAMES = 320, 240, 24
MARGIN = 0.02
ROOM = 120
"""Pixels that a place is wider than a frame."""


class Scene(NamedTuple):
    """Somebody before a place, where they are, and the place itself."""

    frames: Frames
    masks: Frames
    place: Frames
    left: np.ndarray  # of the frames in the place, in pixels

    @property
    def clip(self) -> ArrayStream:
        return ArrayStream(self.frames, RATE)

    @property
    def outlines(self) -> ArrayStream:
        return ArrayStream(self.masks, RATE)


def wide_place(seed: int = 0) -> Frames:
    """Something with corners and grain."""
    random = np.random.default_rng(seed)
    tiles = random.integers(40, 215, (HEIGHT // 20, (WIDTH + ROOM) // 20, 3), np.uint8)
    picture = cv2.resize(tiles, (WIDTH + ROOM, HEIGHT), interpolation=cv2.INTER_NEAREST)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.2).astype(float) + random.normal(0, 2, picture.shape)
    return np.asarray(picture.clip(0, 255), np.uint8)


def scene(pan: float = 0.0, walk: float = 9.0, seed: int = 0) -> Scene:
    """Somebody who walks ``walk`` pixels a frame, while the camera turns by ``pan`` pixels a frame."""
    wide, frames, masks, places = wide_place(seed), [], [], []
    left = pan * np.arange(FRAMES)
    for number in range(FRAMES):
        seen = cv2.getRectSubPix(wide, (WIDTH, HEIGHT), (left[number] + (WIDTH - 1) / 2, (HEIGHT - 1) / 2))
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        centre = round(55 + walk * number), 130 + round(4 * np.sin(number))
        cv2.ellipse(mask, centre, (22, 75), 0, 0, 360, 255, cv2.FILLED)
        picture = seen.copy()
        picture[mask > 0] = (250, 10 * (number % 20), 20)
        frames.append(picture)
        masks.append(np.repeat(mask[..., None], 3, -1))
        places.append(seen)
    return Scene(np.stack(frames), np.stack(masks), np.stack(places), left)


def place_of(one: Scene) -> Place:
    return survey(one.clip, one.outlines, MARGIN)


def cleaned(one: Scene, place: Place | None = None, size: int = 8, match: float = 1.0) -> Frames:
    stream = CleanStream(one.clip, one.outlines, place or place_of(one), CleanSettings(MARGIN, match))
    return np.concatenate(list(stream.chunks(size)))


def psnr(found: Frames, truth: Frames, where: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((found.astype(float) - truth) ** 2)[where].mean().clip(1e-6)))


def around(masks: Frames, pixels: float) -> np.ndarray:
    """Where a mask, or the one before or after it, is no farther than so many pixels."""
    near = [cv2.distanceTransform(255 - mask[..., 0], cv2.DIST_L2, 5) <= pixels for mask in masks]
    return np.stack([np.any(near[max(at - 1, 0) : at + 2], axis=0) for at in range(len(near))])


def seen_elsewhere(one: Scene) -> np.ndarray:
    """What another frame shows well clear of anybody."""
    clear = ~around(one.masks, MARGIN * WIDTH + 3)
    found = np.zeros_like(clear)
    for frame in range(FRAMES):
        for other in range(0, FRAMES, 3):
            shift = np.array([(1, 0, one.left[other] - one.left[frame]), (0, 1, 0)], float)
            there = cv2.warpAffine(clear[other].astype(np.uint8), shift, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST)
            found[frame] |= cv2.erode(there, np.ones((5, 5), np.uint8), borderValue=0) > 0
    return found


@pytest.mark.parametrize(("pan", "walk"), [(0, 9), (3.3, 6), (-3.3, 5)], ids=["stands", "follows", "against"])
def test_the_place_behind_people_is_the_place(pan: float, walk: float) -> None:
    one = scene(pan, walk)
    one = one if pan >= 0 else Scene(*(part[::-1] for part in scene(-pan, walk)))
    place = place_of(one)
    assert [shot.camera.stands for shot in place.shots] == [pan == 0]
    found, hidden = cleaned(one, place), one.masks[..., 0] > 0
    seen = hidden & seen_elsewhere(one)
    assert seen.sum() > 0.75 * hidden.sum()
    assert psnr(found, one.place, seen) > 35


@pytest.mark.parametrize("pan", [0, 2.5])
def test_farther_away_nothing_changes(pan: float) -> None:
    one = scene(pan)
    changed = (cleaned(one) != one.frames).any(axis=-1)
    assert changed[one.masks[..., 0] > 0].mean() > 0.95
    assert not changed[~around(one.masks, MARGIN * WIDTH + 1)].any()


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("pan", [0, 2.5])
def test_how_it_is_read_does_not_matter(size: int, pan: float) -> None:
    one = scene(pan)
    np.testing.assert_array_equal(cleaned(one, size=size), cleaned(one))


def test_what_is_never_seen_is_made_up_of_what_is_around_and_told() -> None:
    one = scene(walk=0)
    place = place_of(one)
    assert place.invented == pytest.approx(1, abs=0.15), "all but the edge, which sways"
    found = cleaned(one, place)
    assert np.abs(found.astype(int) - one.place)[one.masks > 0].mean() < 60
    assert place_of(scene(walk=9)).invented < 0.02


def test_the_light_of_each_frame_is_taken() -> None:
    one = scene()
    darker = np.linspace(1, 0.7, FRAMES)[:, None, None, None]
    dimmed = one._replace(frames=(one.frames * darker).astype(np.uint8), place=(one.place * darker).astype(np.uint8))
    matched, plain = (psnr(cleaned(dimmed, match=match), dimmed.place, one.masks[..., 0] > 0) for match in (1.0, 0.0))
    assert matched > plain + 3


def test_each_shot_has_its_own_place() -> None:
    parts = scene(seed=1), scene(seed=2), scene(2.5, seed=3)
    joined = Scene(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    place = place_of(joined)
    ends = [(shot.camera.first, shot.camera.end, shot.camera.stands) for shot in place.shots]
    assert ends == [(0, 24, True), (24, 48, True), (48, 72, False)]
    found = cleaned(joined, place)
    inside = np.ones(72, bool)
    inside[[0, 23, 24, 47, 48, 71]] = False  # there a mask of the other shot counts too
    assert psnr(found, joined.place, (joined.masks[..., 0] > 0) & inside[:, None, None]) > 28


def test_a_clip_of_many_shots_is_not_read_anew_for_each() -> None:
    parts = [scene(2.5, seed=seed) for seed in (1, 2, 3)]
    joined = Scene(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    place, source = place_of(joined), CountedStream(joined.frames, RATE)
    assert len(place.shots) == 3
    for _ in CleanStream(source, joined.outlines, place, CleanSettings(MARGIN)).chunks():
        pass
    assert source.frames_read <= 2 * len(joined.frames), "what is cleaned, and what shows the place"


def test_a_plain_wall_gives_nothing_to_hold_on_to_and_stands() -> None:
    one = scene()
    wall = np.full_like(one.place, 140)
    plain = Scene(np.where(one.masks > 0, one.frames, wall), one.masks, wall, one.left)
    place = place_of(plain)
    assert [shot.camera.stands for shot in place.shots] == [True]
    assert np.abs(cleaned(plain, place).astype(int) - wall).max() <= 1


def test_where_the_camera_is_lost_the_place_is_made_up() -> None:
    one = scene()
    wild = np.random.default_rng(0).integers(0, 256, one.place.shape, np.uint8)
    lost = Scene(np.where(one.masks > 0, one.frames, wild), one.masks, wild, one.left)
    place = place_of(lost)
    assert len(place.shots) > FRAMES // 2 and place.invented > 0.9
    assert not any(shot.plate for shot in place.shots if shot.camera.end - shot.camera.first == 1)
    red = cleaned(lost, place)[one.masks[..., 0] > 0].mean(axis=0)
    assert np.abs(red - 127).max() < 25, "somebody is left, who is red"


def test_masks_of_another_size_and_frame_rate() -> None:
    one = scene()
    small = np.stack([cv2.resize(mask, (WIDTH // 2, HEIGHT // 2)) for mask in one.masks[::2]])
    outlines = ArrayStream(small, RATE / 2)
    place = survey(one.clip, outlines, MARGIN)
    found = np.concatenate(list(CleanStream(one.clip, outlines, place, CleanSettings(MARGIN)).chunks()))
    last = FRAMES - 1  # it lies behind the last mask
    assert psnr(found[:last], one.place[:last], one.masks[:last, ..., 0] > 0) > 35


def test_whom_one_mask_misses_is_not_left() -> None:
    one = scene()
    masks = one.masks.copy()
    masks[[0, 11]] = 0
    missed = one._replace(masks=masks)
    assert psnr(cleaned(missed), one.place, one.masks[..., 0] > 0) > 28


def test_what_is_known_of_a_place_is_kept_and_read_back() -> None:
    one = scene(2.5)
    place = place_of(one)
    again = Place.from_fields(place.to_fields())
    assert (again.info, again.invented) == (place.info, place.invented)
    np.testing.assert_array_equal(cleaned(one, again), cleaned(one, place))


def test_masks_that_do_not_belong_to_the_clip_are_refused() -> None:
    one = scene()
    with pytest.raises(InputError, match="masks: found black in all frames"):
        survey(one.clip, ArrayStream(np.zeros_like(one.masks), RATE), MARGIN)
    with pytest.raises(InputError, match="masks: found 240x240; allowed: the shape of 320x240"):
        survey(one.clip, ArrayStream(one.masks[:, :, :HEIGHT].copy(), RATE), MARGIN)
    with pytest.raises(InputError, match=r"masks: found 1\.00 s; allowed: 2\.00 s"):
        survey(one.clip, ArrayStream(one.masks[:12], RATE), MARGIN)
    with pytest.raises(InputError, match="margin: found 0.5"):
        CleanSettings(0.5)


def test_invented_places_are_nearer_than_opencv_makes_them() -> None:
    smooth = cv2.GaussianBlur(wide_place(), (0, 0), 12)
    known = np.ones(smooth.shape[:2], bool)
    known[60:180, 100:260] = False
    holed = np.where(known[..., None], smooth, 0)
    found, other = inpainted(holed, known), cv2.inpaint(holed, (~known).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    np.testing.assert_array_equal(found[known], smooth[known])
    assert psnr(found, smooth, ~known) > psnr(other, smooth, ~known)
