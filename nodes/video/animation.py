"""Animated WebP, AVIF and PNG, of which FFmpeg shows less than there is, as a stream of RGB frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, count, pairwise, repeat
from pathlib import Path

from PIL import Image

from ..errors import InputError
from .convert import Converter
from .decode_settings import DecodeSettings
from .geometry import place, region_of
from .grid import ClipStream, Picture, fingerprint, on_grid
from .notes import Note, about, log_note
from .rates import usual_rate
from .stills import NOT_FOR_PILLOW, frame_of, orientation_in, unreadable
from .stream import VideoInfo

_HASTY, _SLOWED = 10, Fraction(100)
"""Milliseconds: pictures that ask for so little time, or for none, are shown for a tenth of a second by browsers."""


class AnimationStream(ClipStream):
    """Pictures with times of their own on an even grid, see :func:`.grid.on_grid`.

    Args:
        note: is told if the file ends early.

    Raises:
        InputError: no picture can be read, or ``start`` is beyond the end.
    """

    def __init__(self, path: Path, settings: DecodeSettings | None = None, note: Note = log_note) -> None:
        self.path, self.settings = path, settings or DecodeSettings()
        self._note = about(path.name, note)
        self._times, length = self._timing()
        settings = self.settings
        rate = settings.frame_rate or usual_rate(len(self._times) / length, 0.01)
        available = length - settings.start
        if available <= 0:
            allowed = f"less than the video's {float(length):.3f} s"
            raise InputError("start", f"{float(settings.start):g} s", allowed)
        self.seconds = min(settings.duration or available, available)
        frames = max(round(self.seconds * rate), 1)
        placement = place(*self._size, settings.size, settings.fit, settings.multiple)
        region = region_of(placement, fingerprint(path.name, path.stat().st_size))
        self.info = VideoInfo(*placement.output, rate, frames, region)
        self._convert = Converter(self._orientation, placement, self._note)

    @property
    def source_size(self) -> tuple[int, int]:
        return self._size

    def _timing(self) -> tuple[list[Fraction], Fraction]:
        """Seconds at which each picture begins, and at which the last one ends; all are decoded to know."""
        asked: list[Fraction] = []
        stamps: list[int] = []
        try:
            with Image.open(self.path) as image:
                self._orientation = orientation_in(image)
                width, height = image.size
                self._size: tuple[int, int] = (height, width) if self._orientation.swaps else (width, height)
                self._first = int(bool(image.info.get("default_image")))  # of a PNG, for those who cannot see it move
                for number in range(self._first, getattr(image, "n_frames", 1)):
                    image.seek(number)
                    image.load()
                    asked.append(Fraction(image.info.get("duration") or 0))
                    stamps += [image.info["timestamp"]] if "timestamp" in image.info else []
        except NOT_FOR_PILLOW as error:
            if not asked:
                raise unreadable(self.path, error) from error
            self._note("damage", f"it ends early ({error})")
        if len(stamps) == len(asked):  # durations are rounded, one by one
            asked[:-1] = [Fraction(b - a) for a, b in pairwise(stamps)]
        shown = [time if time > _HASTY else _SLOWED for time in asked]
        *times, length = accumulate((time / 1000 for time in shown), initial=Fraction(0))
        return times, length

    def _pictures(self, indices: Sequence[int]) -> Iterator[Picture]:
        step = 1 / self.info.frame_rate
        times = [self.settings.start + index * step for index in indices]
        numbered = zip(self._times, count(self._first), strict=False)
        with Image.open(self.path) as image:
            for number, repeats in on_grid(numbered, times, step):
                image.seek(number)
                yield from repeat(self._convert(frame_of(image)), repeats)
