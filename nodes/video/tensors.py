"""Between ComfyUI's IMAGE and the frames of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import torch

from .stream import CHUNK, Audio, Frames, FrameStream, VideoInfo


def to_frames(image: torch.Tensor) -> Frames:
    """Round an IMAGE ``(n, h, w, 3 or 4)`` of floats 0..1 to RGB frames; alpha is dropped, values are clamped."""
    frames = np.empty((*image.shape[:3], 3), np.uint8)
    for picture, frame in zip(image, torch.from_numpy(frames), strict=True):  # what lies between stays in caches
        frame.copy_(picture[..., :3].detach().float().clamp(0, 1).mul_(255).round_())
    return frames


def to_image(frames: Frames, out: torch.Tensor | None = None) -> torch.Tensor:
    """Turn RGB frames into an IMAGE: float32 ``(n, h, w, 3)`` in 0..1.

    Args:
        out: where to put it.
    """
    image = empty_image(*frames.shape) if out is None else out
    return image.copy_(torch.from_numpy(np.ascontiguousarray(frames))).div_(255)


def empty_image(*shape: int) -> torch.Tensor:
    """An IMAGE that is to be filled.

    NumPy asks Linux for large pages. PyTorch does not, and to touch small ones for the first time takes several times
    as long as to write into them.
    """
    return torch.from_numpy(np.empty(shape, np.float32))


def whole_image(chunks: Iterable[Frames], info: VideoInfo) -> torch.Tensor:
    """All frames of a stream as an IMAGE; each is copied once.

    Args:
        info: of the stream.

    Raises:
        ValueError: there are more or fewer frames than ``info`` says.
    """
    image = empty_image(info.frame_count, info.height, info.width, 3)
    first = 0
    for chunk in chunks:
        end = first + len(chunk)
        if end > info.frame_count:
            raise ValueError(f"frames: found {end} or more; allowed: {info.frame_count}, as the stream says")
        to_image(chunk, image[first:end])
        first = end
    if first < info.frame_count:
        raise ValueError(f"frames: found {first}; allowed: {info.frame_count}, as the stream says")
    return image


class ImageStream(FrameStream):
    """An IMAGE as a stream, rounded chunk by chunk: the whole of it is never copied."""

    def __init__(self, image: torch.Tensor, frame_rate: Fraction, audio: Audio | None = None) -> None:
        count, height, width, _ = image.shape
        self.image, self.audio = image, audio
        self.info = VideoInfo(width, height, frame_rate, count)

    def content(self) -> object:
        return self.image, self.info.frame_rate

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        for first in range(0, len(self.image), size):
            yield to_frames(self.image[first : first + size])
