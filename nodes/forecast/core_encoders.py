"""What ComfyUI's encoders of texts and of pictures that guide a model will take."""

from __future__ import annotations

from collections.abc import Mapping

from ..host.folders import model_file
from .encoder_work import text_work, vision_work
from .facts import Clip, Clips, Conditioning, DeviceWork, Forecast, Texts, Vision, VisionOutput
from .inputs import Forecaster, Inputs

_TOKENS = {"wan": 512, "ltxv": 128, "mochi": 256, "cosmos": 512, "hunyuan_video": 256, "hunyuan_video_15": 256}
"""Tokens that ComfyUI pads a prompt to, by the type of a video model's text encoder."""


def load_clip(inputs: Inputs) -> Forecast:
    """CLIP. That of an image model takes less than a hundredth of what a sampler does, and is left out."""
    tokens = _TOKENS.get(str(inputs.value("type", "")))
    if tokens is None:
        return Forecast((Clip(),))
    names = [name for name in ("clip_name", "clip_name1", "clip_name2") if inputs.has(name)]
    paths = [model_file("text_encoders", str(inputs.value(name)), name) for name in names]
    return Forecast((Clip(sum(text_work(path, tokens) for path in paths)),))


def encode_text(inputs: Inputs) -> Forecast:
    """CONDITIONING."""
    clip, texts = inputs.fact("clip", Clip), inputs.fact("text", Texts)
    prompt = Conditioning(texts=texts)
    if clip is None or not clip.flops:
        return Forecast((prompt,))
    work = DeviceWork("text", "gpu", 1, clip.flops).repeated(texts.count if texts else 1)
    return Forecast((prompt,), (work,))


def load_vision(inputs: Inputs) -> Forecast:
    """CLIP_VISION."""
    return Forecast((Vision(*vision_work(model_file("clip_vision", str(inputs.value("clip_name")), "clip_name"))),))


def encode_vision(inputs: Inputs) -> Forecast | None:
    """CLIP_VISION_OUTPUT."""
    vision, images = inputs.fact("clip_vision", Vision), inputs.fact("image", Clips)
    if vision is None:
        return None
    count = images.frames if images else 1
    return Forecast((VisionOutput(vision.tokens),), (DeviceWork("vision", "gpu", count, count * vision.flops),))


ENCODERS: Mapping[str, Forecaster] = {
    "CLIPLoader": load_clip,
    "DualCLIPLoader": load_clip,
    "CLIPTextEncode": encode_text,
    "CLIPVisionLoader": load_vision,
    "CLIPVisionEncode": encode_vision,
}
"""Forecasters by class."""
