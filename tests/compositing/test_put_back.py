"""Edits of crops over the clip."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.compositing.boxes import CropSettings, crop_around
from frugal_motion.nodes.compositing.crop import Crop
from frugal_motion.nodes.compositing.cropped import CroppedStream
from frugal_motion.nodes.compositing.put_back import PutBackStream, SeamSettings
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.stream import ArrayStream, Frames, FrameStream

from .test_crop import FRAMES, HEIGHT, INFO, RATE, WIDTH, walking


def scene(seed: int = 0) -> Frames:
    """Smooth pictures with some grain."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 215, (HEIGHT // 30, WIDTH // 30, 3), np.uint8)
    smooth = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(float)
    grain = random.normal(0, 3, (FRAMES, HEIGHT, WIDTH, 1))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def a_crop(path: str = "steady") -> Crop:
    return crop_around([walking()], INFO, CropSettings(path, size=256))  # type: ignore[arg-type]


def discs(crop: Crop, radius: float = 60, count: int = FRAMES) -> Frames:
    """Masks with a disc in the middle."""
    width, height = crop.size
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), int(radius), 255, cv2.FILLED)
    return np.repeat(np.repeat(mask[None, ..., None], 3, -1), count, 0)


def put_back(edited: Frames, crop: Crop, source: Frames, masks: Frames | None = None, **settings: float) -> Frames:
    outlines = ArrayStream(masks, RATE) if masks is not None else None
    stream = PutBackStream(
        ArrayStream(edited, RATE), crop, ArrayStream(source, RATE), outlines, SeamSettings(**settings)
    )
    return np.concatenate(list(stream.chunks(5)))


def cropped(source: Frames, crop: Crop) -> Frames:
    return np.concatenate(list(CroppedStream(ArrayStream(source, RATE), crop).chunks()))


@pytest.mark.parametrize("path", ["steady", "follow"])
def test_what_was_not_edited_comes_back(path: str) -> None:
    source, crop = scene(), a_crop(path)
    found = put_back(cropped(source, crop), crop, source)
    assert found.shape == source.shape
    assert np.abs(found.astype(int) - source).mean() < 2, "but for grain, which scaling takes"


@pytest.mark.parametrize("path", ["steady", "follow"])
def test_outside_of_the_masks_every_bit_stays(path: str) -> None:
    source, crop = scene(), a_crop(path)
    edited = np.full((FRAMES, crop.size[1], crop.size[0], 3), (255, 0, 0), np.uint8)
    found = put_back(edited, crop, source, discs(crop), match=0.0)
    scale = crop.box[0] / crop.size[0]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for frame in range(FRAMES):
        middle = crop.corners[frame] + np.array(crop.box) / 2
        away = np.hypot(columns - middle[0], rows - middle[1]) / scale
        np.testing.assert_array_equal(found[frame][away > 63], source[frame][away > 63])
        assert (found[frame][away < 40] == (255, 0, 0)).all()


def test_nothing_in_the_mask_leaves_the_clip_as_it_is() -> None:
    source, crop = scene(), a_crop()
    edited = np.zeros((FRAMES, crop.size[1], crop.size[0], 3), np.uint8)
    nothing = np.zeros_like(edited)
    np.testing.assert_array_equal(put_back(edited, crop, source, nothing), source)


def test_an_edit_in_another_light_takes_that_of_the_clip() -> None:
    source, crop = scene(), a_crop()
    darker = np.clip(cropped(source, crop).astype(int) - (30, 10, 50), 0, 255).astype(np.uint8)
    inside = discs(crop)
    left, right = (
        np.abs(put_back(darker, crop, source, inside, match=match).astype(int) - source).mean() for match in (0.0, 1.0)
    )
    assert right < 0.15 * left


def test_it_comes_at_the_edit_s_rate_and_the_clip_s_size() -> None:
    """Frames of 25 fps over a clip of 24 at twice the size, with masks of 12."""
    crop = a_crop("follow")
    count = FRAMES * 25 // 12
    source = np.zeros((FRAMES * 2, HEIGHT * 2, WIDTH * 2, 3), np.uint8)
    source[...] = np.arange(FRAMES * 2, dtype=np.uint8)[:, None, None, None]
    width, height = crop.size
    edited = np.full((count, height * 2, width * 2, 3), 255, np.uint8)
    stream = PutBackStream(
        ArrayStream(edited, Fraction(25)),
        crop,
        ArrayStream(source, Fraction(24)),
        ArrayStream(discs(crop), RATE),
        SeamSettings(match=0.0),
    )
    found = np.concatenate(list(stream.chunks()))
    assert found.shape == (count, HEIGHT * 2, WIDTH * 2, 3) and stream.info.frame_rate == 25
    for number in (0, 1, 30, count - 1):
        assert (found[number][:4, :4] == number * 24 // 25).all(), "the frame that is shown at that time"
        rows, columns = np.nonzero((found[number] == 255).all(axis=-1))
        middle = (crop.corner_at(Fraction(number, 25)) + np.array(crop.box) / 2) * 2
        np.testing.assert_allclose((columns.mean(), rows.mean()), middle, atol=1.5)


def test_masks_between_two_frames_are_in_between() -> None:
    crop = a_crop()
    slow = np.concatenate([discs(crop, 40, 1), discs(crop, 80, 1)])
    edited = np.full((2, crop.size[1], crop.size[0], 3), 255, np.uint8)
    stream = PutBackStream(
        ArrayStream(edited, Fraction(2)),
        crop,
        ArrayStream(np.zeros((2, HEIGHT, WIDTH, 3), np.uint8), Fraction(2)),
        ArrayStream(slow, Fraction(1)),
        SeamSettings(feather=0, match=0.0),
    )
    found = np.concatenate(list(stream.chunks())) > 127
    scale = crop.box[0] / crop.size[0]
    radius = np.sqrt(found[1, ..., 0].sum() / np.pi) / scale
    assert radius == pytest.approx(60, abs=3)


class _Endless(FrameStream):
    """Says how far it was read."""

    def __init__(self, source: FrameStream) -> None:
        self.source, self.info, self.read = source, source.info, 0

    def chunks(self, size: int = 8) -> object:  # type: ignore[override]
        for chunk in self.source.chunks(size):
            self.read += len(chunk)
            yield chunk


def test_only_what_is_shown_is_read() -> None:
    source, crop = _Endless(ArrayStream(scene(), RATE)), a_crop()
    edited = ArrayStream(np.zeros((FRAMES, crop.size[1], crop.size[0], 3), np.uint8), RATE)
    chunks = PutBackStream(edited, crop, source).chunks(4)
    next(chunks)
    assert source.read <= 8


@pytest.mark.parametrize(
    ("name", "shape", "count", "told"),
    [
        ("frames", (64, 64), FRAMES, "frames: found 64x64; allowed: the shape of"),
        ("source", (64, 300), FRAMES, "source: found 300x64; allowed: the shape of 480x270"),
        ("source", (HEIGHT, WIDTH), 6, "source: found 0.50 s; allowed: 3.00 s"),
        ("masks", None, 6, "masks: found 0.50 s"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    name: str, shape: tuple[int, int] | None, count: int, told: str
) -> None:
    crop = a_crop()
    of_crop = crop.size[1], crop.size[0]
    shapes = {"frames": (of_crop, FRAMES), "source": ((HEIGHT, WIDTH), FRAMES), "masks": (of_crop, FRAMES)}
    shapes[name] = (shape or of_crop, count)
    streams = {one: ArrayStream(np.zeros((frames, *size, 3), np.uint8), RATE) for one, (size, frames) in shapes.items()}
    with pytest.raises(InputError) as refused:
        PutBackStream(streams["frames"], crop, streams["source"], streams["masks"])
    assert told in str(refused.value)


@pytest.mark.parametrize("path", ["steady", "follow"])
def test_at_the_edge_of_the_picture_nothing_gives_way(path: str) -> None:
    """Somebody who leaves the picture does not fade into who was there."""
    source = scene()
    corners = np.zeros((FRAMES, 2)) if path == "steady" else np.stack((np.linspace(0, 40, FRAMES), np.zeros(FRAMES)), 1)
    crop = Crop(corners, (120, HEIGHT), (WIDTH, HEIGHT), (120, HEIGHT), RATE, INFO.region)
    white = np.full((FRAMES, HEIGHT, 120, 3), 255, np.uint8)
    found = put_back(white, crop, source, match=0)
    assert (found[:, [0, -1], 60:100] == 255).all(), "above and below"
    assert (found[0, :, 0] == 255).all() and not (found[0, :, 119] == 255).any()
    if path == "follow":
        assert not (found[-1, :, 40] == 255).any()
