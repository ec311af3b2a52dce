"""The pictures behind a motion that is edited."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.motion.node.edit_film import MOST_PICTURES, Film, filmed
from frugal_motion.nodes.video.stream import CHUNK, Frames, FrameStream, VideoInfo

RATE = Fraction(25)


class Numbered(FrameStream):
    """Frames whose grey level is their number, from 0 to 199 and again from 0; it knows how many were read."""

    def __init__(self, count: int, rate: Fraction = RATE, size: tuple[int, int] = (64, 36)) -> None:
        self.info = VideoInfo(*size, rate, count)
        self.read = self.passes = 0

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        self.passes += 1
        for first in range(0, self.info.frame_count, size):
            numbers = np.arange(first, min(first + size, self.info.frame_count))
            self.read = int(numbers[-1]) + 1
            shape = (len(numbers), self.info.height, self.info.width, 3)
            yield np.broadcast_to((numbers % 200).astype(np.uint8)[:, None, None, None], shape)


def numbers(film: Film) -> list[int]:
    """The grey level of each picture, as the editor would find it."""
    found = []
    for place in range(film.count):
        sheet, place_in_it = divmod(place, film.columns * film.rows)
        row, column = divmod(place_in_it, film.columns)
        picture = cv2.imdecode(np.frombuffer(film.sheets[sheet], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape[:2] == (film.rows * film.height, film.columns * film.width)
        one = picture[row * film.height :, column * film.width :][: film.height, : film.width]
        assert np.ptp(one) <= 4, "nothing of its neighbours"
        found.append(round(float(one.mean())))
    return found


def near(found: list[int], expected: list[int]) -> bool:
    return len(found) == len(expected) and all(abs(a - b) <= 1 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("count", [1, 5, 6, 7, 36, 37, 80])
def test_every_frame_has_its_picture(count: int) -> None:
    film = filmed(Numbered(count), count, RATE)
    assert film is not None and (film.step, film.count) == (1, count)
    assert near(numbers(film), list(range(count)))
    assert len(film.sheets) == -(-count // 36)


def test_of_long_motions_there_is_a_picture_of_every_second_or_third_frame() -> None:
    stream = Numbered(1500)
    film = filmed(stream, 1500, RATE)
    assert film is not None and (film.step, film.count) == (3, 500)
    assert near(numbers(film), [frame % 200 for frame in range(0, 1500, 3)])
    assert stream.passes == 1 and filmed(Numbered(9000), 9000, RATE).count <= MOST_PICTURES


@pytest.mark.parametrize(("video_rate", "frames"), [(50, 100), (Fraction(25, 2), 25), (Fraction(30000, 1001), 59)])
def test_a_video_of_another_rate_is_matched_by_time(video_rate: Fraction, frames: int) -> None:
    film = filmed(Numbered(frames, Fraction(video_rate)), 50, RATE)
    assert film is not None
    expected = [int(frame * Fraction(video_rate) / 25) for frame in range(50)]
    assert near(numbers(film), [frame for frame in expected if frame < frames])


def test_pictures_end_with_the_video_and_reading_ends_with_the_motion() -> None:
    film = filmed(Numbered(10), 50, RATE)
    assert film is not None and near(numbers(film), list(range(10)))
    stream = Numbered(10_000)
    filmed(stream, 20, RATE)
    assert stream.read <= 20 + CHUNK


@pytest.mark.parametrize(
    ("size", "small"),
    [((1920, 1080), (320, 180)), ((1080, 1920), (180, 320)), ((100, 60), (100, 60)), ((4000, 2), (320, 1))],
)
def test_pictures_are_small_and_never_enlarged(size: tuple[int, int], small: tuple[int, int]) -> None:
    film = filmed(Numbered(2, size=size), 2, RATE)
    assert film is not None and (film.width, film.height) == small
    assert near(numbers(film), [0, 1])


def test_nothing_to_see() -> None:
    assert filmed(Numbered(5), 0, RATE) is None


def test_a_film_goes_through_the_cache() -> None:
    film = filmed(Numbered(40), 40, RATE)
    assert film is not None
    again = Film.from_fields(film.to_fields())
    assert again.sheets == film.sheets and again.layout() == film.layout()


def test_little_is_held_of_a_long_video() -> None:
    stream = Numbered(400, size=(640, 360))
    tracemalloc.start()
    filmed(stream, 400, RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6, "all small pictures would be 69 MB, all frames 276 MB"
