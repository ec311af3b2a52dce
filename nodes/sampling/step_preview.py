"""What the strip on the sampler shows."""

from __future__ import annotations

from typing import Any

import torch

from ..host.previews import shown_file
from ..keyframes.appearance import thumbnails
from ..keyframes.keyframes import Keyframes
from ..keyframes.strip import as_jpeg, evenly, film
from ..video.tensors import ImageStream


def strip_of(frames: torch.Tensor, plan: Keyframes, report: str) -> dict[str, Any]:
    """Which frames of a clip have been sampled, and what they look like.

    Args:
        frames: ``(n, h, w, 3)`` in 0..1, those of ``plan``.
        plan: which frames they are.
        report: what to say below.
    """
    height, width = frames.shape[1:3]
    small = thumbnails(ImageStream(frames[evenly(plan)], plan.frame_rate))
    return {
        **plan.to_fields(),
        "report": report,
        "curve": [],
        "film": shown_file(as_jpeg(film(small)), ".jpg"),
        "aspect": width / height,
    }
