"""A folder of pictures, or one picture, as a stream of RGB frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path

from ..errors import InputError
from .convert import Converter
from .decode_settings import DecodeSettings
from .geometry import Orientation, Placement, place, region_of
from .grid import ClipStream, Picture, fingerprint
from .notes import Note, about, log_note
from .stills import SUFFIXES, Still, pictures_in, read_still
from .stream import VideoInfo

RATE = Fraction(25)
"""Frames per second of pictures where nobody says another: they hold none themselves."""


class PictureStream(ClipStream):
    """The pictures of a folder, each for one frame at ``settings.frame_rate`` (``None`` is 25 a second).

    They come in the order of the numbers in their names. The first one decides about the size; others are scaled to
    it, with black bars if their shape is another (and ``settings.fit`` does not say otherwise). One that cannot be read
    is replaced by the one before, at the beginning by the next.

    Args:
        path: a folder, or a single picture, which makes a clip of one frame.
        note: is told what the frames do not show as it is in the files.

    Raises:
        InputError: there is no picture that can be read, or ``start`` is beyond the end.
    """

    seekable = True

    def __init__(self, path: Path, settings: DecodeSettings | None = None, note: Note = log_note) -> None:
        self.path, self.settings = path, settings or DecodeSettings()
        self._note = about(path.name, note)
        self._files = pictures_in(path) if path.is_dir() else [path]
        self._broken: set[Path] = set()
        self._other: set[Path] = set()
        self._size = self._first_size()
        settings = self.settings
        rate = settings.frame_rate or RATE
        available = len(self._files) / rate - settings.start
        if available <= 0:
            length = float(len(self._files) / rate)
            raise InputError("start", f"{float(settings.start):g} s", f"less than the video's {length:.3f} s")
        self._begin = int(settings.start * rate)
        self.seconds = min(settings.duration or available, available)
        count = max(round(self.seconds * rate), 1)
        placement = self._wanted(self._size)
        size = sum(file.stat().st_size for file in self._files)
        self.info = VideoInfo(*placement.output, rate, count, region_of(placement, fingerprint(path.name, size)))
        self._converter = lru_cache(maxsize=8)(self._made)

    @property
    def source_size(self) -> tuple[int, int]:
        return self._size

    def _first_size(self) -> tuple[int, int]:
        for file in self._files:
            with suppress(InputError):
                return _upright_size(read_still(file))
            self._broken.add(file)
        if len(self._files) == 1:
            read_still(self._files[0])  # which says why
        found = "without a picture that can be read" if self._files else "without pictures"
        raise InputError("file", f"a folder {self.path.name!r} {found}", f"files that end in {', '.join(SUFFIXES)}")

    def _wanted(self, size: tuple[int, int]) -> Placement:
        return place(*size, self.settings.size, self.settings.fit, self.settings.multiple)

    def _pictures(self, indices: Sequence[int]) -> Iterator[Picture]:
        known = len(self._broken), len(self._other)
        last = len(self._files) - 1
        try:
            for place_, same in groupby(min(self._begin + index, last) for index in indices):
                picture = self._shown(place_)
                for _ in same:
                    yield picture
        finally:
            if (len(self._broken), len(self._other)) != known:
                self._tell()

    def _shown(self, number: int) -> Picture:
        for file in chain(reversed(self._files[: number + 1]), self._files[number + 1 :]):
            if file in self._broken:
                continue
            try:
                still = read_still(file)
            except InputError:
                self._broken.add(file)
            else:
                return self._fitted(file, still)
        raise InputError("file", f"a folder {self.path.name!r}, of which nothing is left", "pictures")

    def _fitted(self, file: Path, still: Still) -> Picture:
        size, output = _upright_size(still), (self.info.width, self.info.height)
        placement = self._wanted(size)
        if size != self._size:
            self._other.add(file)
            if placement.output != output:
                fit = self.settings.fit if self.settings.size and self.settings.fit != "keep" else "contain"
                placement = place(*size, output, fit)
        return self._converter(still.orientation, placement, still.transfer)(still.frame)

    def _made(self, orientation: Orientation, placement: Placement, transfer: int) -> Converter:
        return Converter(orientation, placement, self._note, transfer)

    def _tell(self) -> None:
        if self._broken:
            told = f"{_named(self._broken)} cannot be read: the pictures beside them are shown in their place"
            self._note("damage", told)
        if self._other:
            self._note("sizes", f"{_named(self._other)} are of another size than the first: scaled to that")


def _upright_size(still: Still) -> tuple[int, int]:
    frame = still.frame
    return (frame.height, frame.width) if still.orientation.swaps else (frame.width, frame.height)


def _named(files: set[Path]) -> str:
    return f"{len(files)} pictures ({min(file.name for file in files)}{', …' if len(files) > 1 else ''})"
