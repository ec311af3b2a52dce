"""Between IMAGE and 8 bits: the same numbers, whatever comes and wherever they are put."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from frugal_motion.nodes.video.stream import ArrayStream, Frames
from frugal_motion.nodes.video.tensors import ImageStream, to_frames, to_image, whole_image

NUMBERS = torch.cat([torch.linspace(-0.2, 1.2, 3 * 4 * 120 - 256), (torch.arange(256) + 0.5) / 255])


def rounded(image: torch.Tensor) -> Frames:
    numbers = np.clip(image[..., :3].float().numpy(), 0, 1) * np.float32(255)
    return np.rint(numbers).astype(np.uint8)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_images_are_clamped_and_rounded(dtype: torch.dtype, channels: int) -> None:
    image = NUMBERS.view(-1, 5, 6, channels).to(dtype)
    before = image.clone()
    assert np.array_equal(to_frames(image), rounded(image))
    assert torch.equal(image, before)
    mirrored = image.flip(2).movedim(0, 1)
    assert np.array_equal(to_frames(mirrored), rounded(mirrored))


def test_an_image_without_frames() -> None:
    assert to_frames(torch.empty(0, 4, 6, 3)).shape == (0, 4, 6, 3)


def test_eight_bits_survive_the_way_there_and_back() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(4, 8, 8, 3)
    image = to_image(frames)
    assert torch.equal(image, torch.from_numpy(frames) / 255)
    assert np.array_equal(to_frames(image), frames)
    assert torch.equal(to_image(frames[0]), image[0])
    assert torch.equal(to_image(frames[:, ::-1]), image.flip(1))


def test_only_the_place_that_was_given_is_written() -> None:
    frames = np.full((1, 2, 2, 3), 255, np.uint8)
    place = torch.zeros(3, 2, 2, 3)
    to_image(frames, place[1:2])
    assert place.sum((1, 2, 3)).tolist() == [0, 12, 0]


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_whole_stream(size: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (7, 4, 6, 3), np.uint8)
    stream = ImageStream(to_image(frames), Fraction(12))
    made = whole_image(stream.chunks(size), stream.info)
    assert torch.equal(made, torch.from_numpy(frames) / 255)


@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.parametrize(("says", "found"), [(6, "7 or more"), (5, "[67] or more"), (9, "7")])
def test_a_stream_of_more_or_fewer_frames_than_it_says_is_an_error(size: int, says: int, found: str) -> None:
    stream = ArrayStream(np.zeros((7, 4, 6, 3), np.uint8), Fraction(12))
    with pytest.raises(ValueError, match=rf"^frames: found ({found}); allowed: {says}, as the stream says$"):
        whole_image(stream.chunks(size), replace(stream.info, frame_count=says))


def test_no_more_is_read_than_shows_that_there_is_too_much() -> None:
    stream = ArrayStream(np.zeros((7, 4, 6, 3), np.uint8), Fraction(12))
    chunks = stream.chunks(1)
    with pytest.raises(ValueError, match="found 3 or more; allowed: 2"):
        whole_image(chunks, replace(stream.info, frame_count=2))
    assert len(list(chunks)) == 4
