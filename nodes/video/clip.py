"""Whatever can be opened as a clip, by its path."""

from __future__ import annotations

from pathlib import Path

from .animation import AnimationStream
from .decode import FileStream
from .decode_settings import DecodeSettings
from .grid import ClipStream
from .notes import Note, log_note
from .picture_stream import PictureStream
from .stills import SUFFIXES, is_animated


def open_clip(path: Path, settings: DecodeSettings | None = None, note: Note = log_note) -> ClipStream:
    """A video, an animated picture, a picture, or a folder of pictures as a stream.

    Args:
        note: is told what the frames do not show as it is in the file.

    Raises:
        InputError: it is none of these, cannot be read, or ``settings.start`` is beyond its end.
    """
    if path.is_dir():
        return PictureStream(path, settings, note)
    if is_animated(path):
        return AnimationStream(path, settings, note)
    return (PictureStream if path.suffix.lower() in SUFFIXES else FileStream)(path, settings, note)
