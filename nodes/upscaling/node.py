"""Upscale Video (Real-ESRGAN)."""

from __future__ import annotations

import copy
import logging
from typing import Any

import torch
from comfy_api.latest import io
from spandrel import ImageModelDescriptor

from ..errors import InputError
from ..host.frugal_node import FrugalNode, Stage
from ..host.models import accelerator, compute_device, convolution_dtype, managed
from ..host.progress import show_on_node, tracked
from ..host.video import Charged, StreamVideo, as_stream, uncharged
from ..interpolation.stream import InterpolatedStream
from ..video.stream import CHUNK, FrameStream
from ..video.tensors import empty_image
from . import forecast
from .order import compare
from .precision import lower_convolutions
from .size import target_size
from .stream import UpscaledStream, upscaled
from .upscaler import Upscaler

logger = logging.getLogger(__name__)

REAL_ESRGAN = ("Compact", "ESRGAN")
"""Spandrel's names for its two kinds of nets."""

# One socket for both kinds: ComfyUI accepts a link when the comma-separated types overlap.
Frames = io.Custom("IMAGE,VIDEO")


class FrugalUpscale(FrugalNode):
    """A VIDEO or an IMAGE in, the same kind out. A VIDEO is upscaled while it is read."""

    FORECAST = staticmethod(forecast.upscale)
    DEVICE = "gpu"
    SEARCH_ALIASES = ("esrgan", "realesrgan", "enlarge", "super resolution", "2x", "4x", "4k")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalUpscale",
            display_name="Upscale Video (Real-ESRGAN)",
            category="Frugal Motion/Upscaling",
            description="Enlarges frames with any single-image model of Load Upscale Model, several at a time and in "
            "tiles where memory is short. Before or behind Interpolate Frames, it enlarges the few frames if that is "
            "less work.",
            inputs=[
                io.MultiType.Input(
                    "frames",
                    [io.Image, io.Video],
                    tooltip="What to enlarge. An IMAGE gives an IMAGE; a VIDEO gives a VIDEO, made while it is saved.",
                ),
                io.UpscaleModel.Input(
                    "upscale_model", tooltip="From Load Upscale Model, e.g. RealESRGAN_x4plus or realesr-animevideov3."
                ),
                io.Float.Input(
                    "scale",
                    default=2.0,
                    min=0.1,
                    max=8.0,
                    step=0.05,
                    tooltip="Size of the result as a multiple of the input's. At 1 or less frames are only resized.",
                ),
                io.Int.Input(
                    "longer_side",
                    default=0,
                    min=0,
                    max=16384,
                    step=2,
                    tooltip="Pixels of the result's longer side; the other follows. 0: use scale.",
                ),
            ],
            outputs=[
                Frames.Output(
                    display_name="frames", tooltip="The larger frames, of the kind that was given; both sides are even."
                )
            ],
        )

    @classmethod
    def execute(cls, frames: Any, upscale_model: Any, scale: float = 2.0, longer_side: int = 0) -> io.NodeOutput:
        if isinstance(frames, torch.Tensor):
            return io.NodeOutput(_upscaled_image(frames, upscale_model, scale, longer_side))
        source = as_stream(frames, "frames")
        size = target_size(source.info.width, source.info.height, scale, longer_side)
        return io.NodeOutput(_upscaled_video(source, _upscaler(upscale_model, size), cls.stage()))


def _upscaled_video(source: FrameStream, upscaler: Upscaler, stage: Stage) -> StreamVideo:
    """Upscale what is read; below an interpolation, if it is wired behind one and that is cheaper."""
    inner, interpolation = uncharged(source)
    if isinstance(inner, InterpolatedStream):
        orders = compare(inner, (source.info.width, source.info.height), upscaler)
        if orders and orders.best == "upscale first":
            logger.info("Upscale Video: %s", orders)
            show_on_node(str(orders))
            large = Charged(UpscaledStream(inner.source, upscaler), stage)
            return StreamVideo(inner.over(large), interpolation)
    return StreamVideo(UpscaledStream(source, upscaler), stage)


def _upscaled_image(image: torch.Tensor, upscale_model: Any, scale: float, longer_side: int) -> torch.Tensor:
    count, height, width, _ = image.shape
    size = target_size(width, height, scale, longer_side)
    upscaler = _upscaler(upscale_model, size)
    result = empty_image(count, size[1], size[0], 3)
    chunks = (image[i : i + CHUNK, ..., :3].float().cpu().numpy() for i in range(0, count, CHUNK))
    parts = (result[first : first + CHUNK].numpy() for first in range(0, count, CHUNK))
    for _ in tracked(upscaled(chunks, upscaler, parts), count):
        pass
    return result


def _upscaler(model: Any, size: tuple[int, int]) -> Upscaler:
    """A copy of the model under ComfyUI's management.

    The loader's own object stays as it is: core's nodes move it about by hand, and expect fp32.
    """
    allowed = "a single-image RGB model from Load Upscale Model"
    if not isinstance(model, ImageModelDescriptor):
        raise InputError("upscale_model", type(model).__name__, allowed)
    if (model.input_channels, model.output_channels) != (3, 3):
        raise InputError("upscale_model", f"{model.input_channels} to {model.output_channels} channels", allowed)
    net = copy.deepcopy(model)
    dtype = convolution_dtype(compute_device())
    net.to(torch.float16 if dtype == torch.float16 and model.supports_half else torch.float32)
    if dtype == torch.bfloat16 and model.architecture.id in REAL_ESRGAN:
        lower_convolutions(net.model, dtype)
    net.model.to(memory_format=torch.channels_last)  # 1.1 to 1.3 times as fast
    return Upscaler(net, accelerator(managed(net.model)), size)


NODES = (FrugalUpscale,)
