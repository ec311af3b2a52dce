"""What the editor shows inside the pack's nodes."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import av.error
import numpy as np
from comfy_api.latest import io as comfy_io
from comfy_api.latest import ui
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..opencv import cv2
from ..strict_json import strict
from ..video.encode import EncodeSettings, save
from ..video.stream import ArrayStream, Frames, FrameStream, VideoInfo
from .folders import temp_file
from .queue import UNWATCHED_CLIENT

logger = logging.getLogger(__name__)

MOST_FRAMES = 300
LONGER_SIDE = 320

_SMALL = EncodeSettings("h264", quality=50, sound=False)


def shown_file(content: bytes, suffix: str) -> dict[str, str] | None:
    """A file for the editor, as ``temp_file`` gives it; ``None`` if the disk is full: no preview must stop a run."""
    try:
        return temp_file(content, suffix)
    except OSError as error:
        logger.warning("a preview is not shown: %s", error)
        return None


def is_watched() -> bool:
    """Whether an editor watches the run that is executing now."""
    server = getattr(PromptServer, "instance", None)
    return (
        get_executing_context() is not None and server is not None and server.client_id not in (None, UNWATCHED_CLIENT)
    )


def shown_on_node(
    chunks: Iterator[Frames], info: VideoInfo, node_id: str, beside: Callable[[], Mapping[str, Any]] = dict
) -> Iterator[Frames]:
    """Pass a stream's chunks on; at the end the node that makes them shows them as a small video.

    A clip of more than ``MOST_FRAMES`` frames is shown by as many that lie evenly. Nothing is made for a run that no
    editor watches.

    Args:
        chunks, info: of the stream.
        node_id: of the node.
        beside: gives what else it shows then.
    """
    if not is_watched():
        yield from chunks
        return
    step = -(-info.frame_count // MOST_FRAMES)
    scale = min(1.0, LONGER_SIDE / max(info.width, info.height))
    size = round(info.width * scale) or 1, round(info.height * scale) or 1
    small: list[Frames] = []
    done = 0
    for chunk in chunks:
        small += [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in chunk[-done % step :: step]]
        done += len(chunk)
        yield chunk
    file = shown_video(ArrayStream(np.stack(small), info.frame_rate / step)) if small else None
    output = dict(beside())
    if file:
        saved = ui.SavedResult(file["filename"], file["subfolder"], comfy_io.FolderType.temp)
        output |= ui.PreviewVideo([saved]).as_dict()
    if output:
        _tell(node_id, strict(output))


def _tell(node_id: str, output: Mapping[str, Any]) -> None:
    """Have the editor show what a node gave, as when it has just been executed."""
    context, server = get_executing_context(), PromptServer.instance
    if context is not None:
        event = {"node": node_id, "display_node": node_id, "output": output, "prompt_id": context.prompt_id}
        server.send_sync("executed", event, server.client_id)


def shown_video(
    stream: FrameStream,
    settings: EncodeSettings = _SMALL,
    on_frames: Callable[[int], None] | None = None,
) -> dict[str, str] | None:
    """A small video for the editor, as ``shown_file``.

    Args:
        stream: small frames, not too many: the file is made in memory.
        settings: of an MP4 that browsers play.
        on_frames: see ``save``.
    """
    target = io.BytesIO()
    try:
        save(stream, target, settings, on_frames=on_frames)
    except (av.error.FFmpegError, OSError) as error:
        logger.warning("a preview is not shown: %s", error)
        return None
    return shown_file(target.getvalue(), ".mp4")
