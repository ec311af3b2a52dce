"""A video file as a stream of RGB frames at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .convert import Converter
from .decode_settings import DecodeSettings
from .decoded_pictures import Damage, decoded
from .geometry import place, region_of
from .grid import ClipStream, fingerprint, on_grid
from .notes import Note, about, log_note
from .probe import SourceInfo, probe
from .stream import FileAudio, Frames, VideoInfo

SEEK_AHEAD = 5
"""Seconds between two wanted frames from which seeking is tried: it costs up to one group of pictures."""


class FileStream(ClipStream):
    """Frames of a file, decoded while they are read.

    Frame ``k`` is the source frame whose time is nearest to ``start + k / frame_rate``, or else the one that is still
    shown then, see :func:`on_grid`. There are ``round(duration * frame_rate)`` of them, at least one.
    Frames that turn out to be damaged are replaced by their neighbours.

    Args:
        note: is told what the frames do not show as it is in the file: how many are damaged, HDR, interlacing.

    Raises:
        InputError: the file is not a video, or ``start`` is beyond its end.
    """

    seekable = True

    def __init__(self, path: Path, settings: DecodeSettings | None = None, note: Note = log_note) -> None:
        self.path = path
        self.settings = settings = settings or DecodeSettings()
        self._note, self._damage = about(path.name, note), Damage()
        self.source: SourceInfo = probe(path, self._note)
        available = self.source.duration - settings.start
        if available <= 0:
            length = float(self.source.duration)
            raise InputError("start", f"{float(settings.start):g} s", f"less than the video's {length:.3f} s")
        rate = settings.frame_rate or self.source.frame_rate
        self.seconds = min(settings.duration or available, available)
        count = max(round(self.seconds * rate), 1)
        placement = place(self.source.width, self.source.height, settings.size, settings.fit, settings.multiple)
        region = region_of(placement, fingerprint(path.name, path.stat().st_size))
        self.info = VideoInfo(*placement.output, rate, count, region)
        self._convert = Converter(self.source.orientation, placement, self._note, self.source.transfer)
        if self.source.has_audio:
            is_whole = settings.start == 0 and settings.duration is None
            rest = None if is_whole else self.info.duration
            self.audio = FileAudio(path, settings.start, rest, self.source.sound)

    @property
    def source_size(self) -> tuple[int, int]:
        return self.source.width, self.source.height

    def frames_at(self, indices: Sequence[int]) -> Frames:
        gap = SEEK_AHEAD * self.info.frame_rate
        breaks = [i for i, (a, b) in enumerate(pairwise(indices), 1) if b - a > gap]
        runs = [indices[a:b] for a, b in zip([0, *breaks], [*breaks, len(indices)], strict=True)]
        return np.concatenate([super(FileStream, self).frames_at(run) for run in runs])

    def _pictures(self, indices: Sequence[int]) -> Iterator[npt.NDArray[np.uint8]]:
        """One picture per index, in one pass from the key frame before the first."""
        rate, start = self.info.frame_rate, self.settings.start
        times = [start + index / rate for index in indices]
        frames = decoded(self.source, times, self._damage)
        known = str(self._damage)
        try:
            for frame, repeats in on_grid(frames, times, 1 / rate):
                picture = self._convert(frame)
                yield from repeat(picture, repeats)
        finally:
            frames.close()
            if str(self._damage) != known:
                self._note("damage", str(self._damage))
