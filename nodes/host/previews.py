"""What the editor shows inside the pack's nodes."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import av.error
import numpy as np
from comfy_api.latest import io as comfy_io
from comfy_api.latest import ui
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..opencv import cv2
from ..video.encode import EncodeSettings, save
from ..video.stream import ArrayStream, Frames, VideoInfo
from .folders import temp_file
from .queue import UNWATCHED_CLIENT

logger = logging.getLogger(__name__)

MOST_FRAMES = 300
LONGER_SIDE = 320


def shown_file(content: bytes, suffix: str) -> dict[str, str] | None:
    """A file for the editor, as ``temp_file`` gives it; ``None`` if the disk is full: no preview must stop a run."""
    try:
        return temp_file(content, suffix)
    except OSError as error:
        logger.warning("a preview is not shown: %s", error)
        return None


def shown_on_node(chunks: Iterator[Frames], info: VideoInfo, node_id: str) -> Iterator[Frames]:
    """Pass a stream's chunks on; at the end the node that makes them shows them as a small video.

    A clip of more than ``MOST_FRAMES`` frames is shown by as many that lie evenly. Nothing is made for a run that no
    editor watches.
    """
    context, server = get_executing_context(), getattr(PromptServer, "instance", None)
    if context is None or server is None or server.client_id in (None, UNWATCHED_CLIENT):
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
    file = _small_video(ArrayStream(np.stack(small), info.frame_rate / step)) if small else None
    if file:
        shown = ui.PreviewVideo([ui.SavedResult(file["filename"], file["subfolder"], comfy_io.FolderType.temp)])
        event = {"node": node_id, "display_node": node_id, "output": shown.as_dict(), "prompt_id": context.prompt_id}
        server.send_sync("executed", event, server.client_id)


def _small_video(stream: ArrayStream) -> dict[str, str] | None:
    target = io.BytesIO()
    try:
        save(stream, target, EncodeSettings("h264", quality=50, sound=False))
    except (av.error.FFmpegError, OSError) as error:
        logger.warning("a preview is not shown: %s", error)
        return None
    return shown_file(target.getvalue(), ".mp4")
