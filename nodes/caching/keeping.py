"""Values of a node on disk, and back: a video as a lossless file, all others as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..host.folders import lent_file
from ..host.frugal_node import Stage
from ..host.progress import Progress
from ..host.video import StreamVideo, as_stream, is_video
from ..video.decode import FileStream
from ..video.decode_settings import DecodeSettings
from ..video.encode import LOSSLESS, save
from ..video.stream import CHUNK, Frames, FrameStream
from .configured import WorkFailed, cache
from .entry import Entry, Spent
from .values import VALUES


def keep(key: str, values: list[Any], spent: Callable[[], Spent], made_by: str) -> Entry:
    """Put what a node has been given into the cache.

    Args:
        key: under which it is found again.
        values: a list of one for what is no list.
        spent: gives what they have taken, once they are there: frames of a video are computed while they are written.
        made_by: the node that has made them, as people call it.

    Raises:
        WorkFailed: the frames of a video could not be computed.
        NotStorable: a value is of a kind that cannot be kept.
        OSError: the disk is full, or the like.
    """
    if len(values) == 1 and is_video(values[0]):
        stream = _Work(as_stream(values[0]))
        progress = Progress(stream.info.frame_count)

        def write(path: Path) -> None:
            try:
                save(stream, path, LOSSLESS, on_frames=progress.step)
            except Exception:
                if stream.failure:
                    raise WorkFailed(stream.failure) from stream.failure
                raise

        return cache().add(key, "video", LOSSLESS.suffix, write, spent, made_by)
    return cache().add(key, "values", ".safetensors", lambda path: VALUES.save(values, path), spent, made_by)


class _Work(FrameStream):
    """A stream that remembers why it has failed: it is computed while it is written, and may not be to blame."""

    def __init__(self, source: FrameStream) -> None:
        self._source, self.info, self.audio, self.seekable = source, source.info, source.audio, source.seekable
        self.failure: Exception | None = None

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        try:
            yield from self._source.chunks(size)
        except Exception as error:
            self.failure = error
            raise


def load(entry: Entry, stage: Callable[[], Stage]) -> list[Any]:
    """The values of an entry.

    Args:
        stage: gives who is charged for decoding a video.
    """
    if entry.kind == "video":
        # In a place of its own, where it stays while another process makes room.
        return [StreamVideo(FileStream(lent_file(entry.path), DecodeSettings()), stage())]
    return list(VALUES.load(entry.path))
