"""Between ComfyUI's IMAGE and the frames of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch

from .stream import CHUNK, Audio, Frames, FrameStream, VideoInfo


def to_frames(image: torch.Tensor) -> Frames:
    """Round an IMAGE ``(n, h, w, 3 or 4)`` of floats 0..1 to RGB frames; alpha is dropped, values are clamped."""
    scaled = image[..., :3].detach().float().clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(scaled.to("cpu", torch.uint8).numpy())


def to_image(frames: Frames) -> torch.Tensor:
    """Turn RGB frames into an IMAGE: float32 ``(n, h, w, 3)`` in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).float().div_(255)


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
