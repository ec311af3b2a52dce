"""The pictures behind a motion that is edited: small, and many to a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any, ClassVar

import numpy as np

from ...host.progress import tracked
from ...keyframes.strip import as_jpeg
from ...storable import Storable
from ...video.in_step import frames_in_order
from ...video.shrunk import ShrunkStream
from ...video.stream import FrameStream, Picture

MOST_PICTURES = 600
LONGER_SIDE = 320
_SIDE = 6  # pictures in a row of a sheet, and rows


@dataclass(frozen=True, eq=False)
class Film(Storable):
    """Pictures of a video, for every ``step``-th frame of a motion.

    Attributes:
        sheets: JPEG files of ``rows`` times ``columns`` pictures each, row by row; in the last, some may be left black.
        columns, rows: of a sheet.
        width, height: pixels of one picture.
        step: frames of the motion from one picture to the next.
        count: pictures.
    """

    STORED_AS: ClassVar[str] = "film"

    sheets: tuple[bytes, ...]
    columns: int
    rows: int
    width: int
    height: int
    step: int
    count: int

    def layout(self) -> dict[str, int]:
        """All but the sheets, as the editor is told."""
        names = ("columns", "rows", "width", "height", "step", "count")
        return {name: getattr(self, name) for name in names}

    def to_fields(self) -> dict[str, Any]:
        """Content for the cache."""
        return {**self.layout(), "sheets": [np.frombuffer(sheet, np.uint8) for sheet in self.sheets]}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Film:
        """The film that ``to_fields`` described."""
        return cls(**{**fields, "sheets": tuple(sheet.tobytes() for sheet in fields["sheets"])})


def filmed(stream: FrameStream, frame_count: int, frame_rate: Fraction) -> Film | None:
    """Film a video beside a motion: each picture is what the video shows when the motion's frame is due.

    The video is read once, up to the last picture, and no more of it is held than a sheet. Where it ends before the
    motion, so do the pictures.

    Args:
        stream: of any length, size and rate.
        frame_count, frame_rate: of the motion.

    Returns:
        ``None`` if there is nothing to see.
    """
    step = max(1, -(-frame_count // MOST_PICTURES))
    shown = [floor(frame * stream.info.frame_rate / frame_rate) for frame in range(0, frame_count, step)]
    shown = [frame for frame in shown if frame < stream.info.frame_count]
    if not shown:
        return None
    small = ShrunkStream(stream, LONGER_SIDE)
    columns = min(_SIDE, len(shown))
    rows = min(_SIDE, -(-len(shown) // columns))
    pictures = frames_in_order(tracked(small.chunks(), shown[-1] + 1), shown, lambda picture: picture)
    sheets = tuple(map(as_jpeg, _sheets(pictures, columns, rows)))
    return Film(sheets, columns, rows, small.info.width, small.info.height, step, len(shown))


def _sheets(pictures: Iterator[Picture], columns: int, rows: int) -> Iterator[Picture]:
    sheet: Picture | None = None
    place = 0
    for picture in pictures:
        height, width, _ = picture.shape
        if sheet is None:
            sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
        row, column = divmod(place, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
        place += 1
        if place == columns * rows:
            yield sheet
            sheet, place = None, 0
    if sheet is not None:
        yield sheet
