"""What ComfyUI's own nodes will take, and what they give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from comfy_api.latest import InputImpl
from PIL import Image, UnidentifiedImageError

from ..errors import InputError
from ..host.folders import input_file, model_file
from ..host.frugal_node import FrugalNode
from ..host.video import as_stream
from ..interpolation.forecast import load_interpolator
from ..keyframes.keyframes import Keyframes
from ..video.forecast import loaded, save_video
from ..video.grid import ClipStream
from .core_encoders import ENCODERS
from .core_sampling import SAMPLING
from .core_video_nodes import VIDEO
from .edit_work import EditedClip, Size
from .facts import (
    AppliedControl,
    Clips,
    Conditioning,
    ControlNet,
    DeviceWork,
    Forecast,
    Interpolator,
    Latents,
    Number,
    Upscaler,
    Vae,
    latent_frames_of,
    pictures,
    plus,
    times,
)
from .finishing_work import upscale_scale, upscale_work
from .inputs import Forecaster, Inputs
from .model_work import checkpoint_work, unet_file_work
from .unet_work import control_work, hint_work
from .vae_work import vae_work

_TILE, _OVERLAP = 512, 32
"""Pixels of the tiles that Upscale Image (using Model) cuts large pictures into."""
_NETS = frozenset(
    {"MODEL", "VAE", "CONTROL_NET", "UPSCALE_MODEL", "INTERP_MODEL", "CLIP_VISION", "GUIDER", "STYLE_MODEL"}
)
_NO_PIXELS = _NETS | {"CLIP", "CONDITIONING", "CLIP_VISION_OUTPUT", "SIGMAS", "SAMPLER", "NOISE"}

WITHOUT_WORK = frozenset(
    {
        *("CLIPSetLastLayer", "RandomNoise"),
        *("PreviewAny", "PreviewImage", "SaveImage", "PrimitiveInt", "PrimitiveFloat", "PrimitiveString"),
        *("PrimitiveStringMultiline", "PrimitiveBoolean", "LoadAudio", "SaveAudio", "ImageBatch"),
        "JoinImageWithAlpha",
    }
)
"""Nodes of ComfyUI that need not be loaded to be known."""


def without_work(kind: str, node_class: Any) -> bool:
    """Whether the work of a class of nodes is nothing beside that of nets: one of ours, or of ComfyUI's own."""
    if kind in WITHOUT_WORK:
        return True
    if node_class is None:
        return False
    if isinstance(node_class, type) and issubclass(node_class, FrugalNode):
        return node_class.DEVICE == "cpu"
    module = str(getattr(node_class, "RELATIVE_PYTHON_MODULE", "nodes"))
    return (module == "nodes" or module.startswith("comfy_extras.")) and not _runs_a_net(node_class)


def _runs_a_net(node_class: Any) -> bool:
    """Whether it takes a net and gives something else than nets and prompts."""
    kinds = node_class.INPUT_TYPES()
    taken = {str(spec[0]) for part in ("required", "optional") for spec in kinds.get(part, {}).values()}
    given = {str(kind) for kind in node_class.RETURN_TYPES}
    return bool(taken & _NETS) and bool(given - _NO_PIXELS)


def _path(inputs: Inputs, folder: str, argument: str) -> Path:
    return model_file(folder, str(inputs.value(argument)), argument)


def load_checkpoint(inputs: Inputs) -> Forecast:
    """MODEL, CLIP and VAE."""
    path = _path(inputs, "checkpoints", "ckpt_name")
    return Forecast((checkpoint_work(path), None, vae_work(path)))


def load_unet(inputs: Inputs) -> Forecast:
    """MODEL."""
    return Forecast((unet_file_work(_path(inputs, "diffusion_models", "unet_name")),))


def load_vae(inputs: Inputs) -> Forecast:
    """VAE."""
    return Forecast((vae_work(_path(inputs, "vae", "vae_name")),))


def load_control_net(inputs: Inputs) -> Forecast:
    """CONTROL_NET."""
    return Forecast((_control_net(_path(inputs, "controlnet", "control_net_name")),))


def load_control_net_for_model(inputs: Inputs) -> Forecast:
    """CONTROL_NET, as a difference to a MODEL."""
    return Forecast((_control_net(_path(inputs, "controlnet", "model")),))


def _control_net(path: Path) -> ControlNet:
    work, weights = control_work(path)
    return ControlNet(work, hint_work(path), weights)


def type_of_control(inputs: Inputs) -> Forecast:
    """CONTROL_NET that is told what its hints are."""
    return Forecast((inputs.fact("control_net", ControlNet),))


def load_upscaler(inputs: Inputs) -> Forecast:
    """UPSCALE_MODEL."""
    path = _path(inputs, "upscale_models", "model_name")
    return Forecast((Upscaler(inputs.counted(upscale_work(path), path.name), upscale_scale(path)),))


def load_video(inputs: Inputs) -> Forecast:
    """VIDEO, at its own size and rate."""
    stream = as_stream(InputImpl.VideoFromFile(str(input_file(inputs.value("file")))))
    return loaded(inputs, [stream] if isinstance(stream, ClipStream) else [])


def load_image(inputs: Inputs) -> Forecast:
    """IMAGE."""
    path = input_file(str(inputs.value("image")), "image")
    try:
        with Image.open(path) as image:
            return Forecast((pictures(1, image.size),))
    except (UnidentifiedImageError, OSError) as error:
        raise InputError("image", repr(path.name), "a picture") from error


def apply_control(inputs: Inputs) -> Forecast | None:
    """CONDITIONING with a ControlNet on top."""
    net = inputs.fact("control_net", ControlNet)
    if net is None:
        return None
    start, end = (
        float(inputs.value(name, default)) for name, default in (("start_percent", 0.0), ("end_percent", 1.0))
    )
    image = inputs.fact("image", Clips)
    has_one = image is None or image.frames == 1
    applied = (AppliedControl(net, start, end, has_one),) if inputs.value("strength", 1.0) else ()
    names = [name for name in ("positive", "negative", "conditioning") if inputs.fact(name, Conditioning)]
    found = [inputs.needed(name, Conditioning, "a prompt") for name in names]
    return Forecast(tuple(replace(one, controls=(*one.controls, *applied)) for one in found))


def empty_latents(inputs: Inputs) -> Forecast:
    """LATENT."""
    size = int(inputs.value("width", 512)), int(inputs.value("height", 512))
    return Forecast((Latents(int(inputs.value("batch_size", 1)), size),))


def repeat_latents(inputs: Inputs) -> Forecast | None:
    """LATENT, several times."""
    latents = inputs.fact("samples", Latents)
    return Forecast((replace(latents, rows=latents.rows * int(inputs.value("amount", 1))),)) if latents else None


def encode_images(inputs: Inputs) -> Forecast | None:
    """LATENT of an IMAGE."""
    images, vae = inputs.fact("pixels", Clips), inputs.fact("vae", Vae)
    if images is None or vae is None:
        return None
    (size, *others) = {clip.size for clip in images.clips}
    if others:
        return None
    width, height = size[0] // 8 * 8, size[1] // 8 * 8
    if vae.encode_clip:
        work = DeviceWork("encode", "gpu", images.frames, vae.encode_clip(width, height, images.frames))
        return Forecast((Latents(1, (width, height), latent_frames_of(images.frames, vae.every), vae.every),), (work,))
    work = DeviceWork("encode", "gpu", images.frames, times(images.frames, vae.encode(width, height)))
    return Forecast((Latents(images.frames, (width, height)),), (work,))


def decode_latents(inputs: Inputs) -> Forecast | None:
    """IMAGE of a LATENT."""
    latents, vae = inputs.fact("samples", Latents), inputs.fact("vae", Vae)
    if latents is None or vae is None:
        return None
    if latents.frames is None:
        each = vae.decode(*latents.size)
    elif vae.decode_clip:
        each = vae.decode_clip(*latents.size, latents.frames)
    else:
        raise InputError("vae", "a VAE of single pictures", "the VAE of a video model, for the latents of a video")
    work = DeviceWork("decode", "gpu", latents.pictures, times(latents.items * latents.rows, each))
    one = pictures(latents.pictures // latents.items, latents.size)
    return Forecast((replace(one, clips=one.clips * latents.items),), (work,))


def decode_in_tiles(inputs: Inputs) -> Forecast | None:
    """The same in tiles; what overlaps is decoded twice."""
    found, latents = decode_latents(inputs), inputs.fact("samples", Latents)
    if found is None or latents is None:
        return None
    tile, overlap = int(inputs.value("tile_size", 512)), int(inputs.value("overlap", 64))
    overlap = tile // 4 if tile < overlap * 4 else overlap
    share = math.prod(sum(_tiles(side, tile, overlap)) / side for side in latents.size)
    work = tuple(replace(done, flops=times(share, done.flops)) for done in found.work)
    return Forecast(found.outputs, work)


def upscale_images(inputs: Inputs) -> Forecast | None:
    """IMAGE, enlarged by a net; in tiles that overlap."""
    images, net = inputs.fact("image", Clips), inputs.fact("upscale_model", Upscaler)
    if images is None or net is None:
        return None
    flops = [times(len(clip.plan.frames), _tiled(net, clip.size)) for clip in images.clips]
    total: float | None = 0.0
    for one in flops:
        total = plus(total, one)
    larger = _resized(images, lambda size: (round(size[0] * net.scale), round(size[1] * net.scale)))
    return Forecast((larger,), (DeviceWork("upscale", "gpu", images.frames, total),))


def _tiled(net: Upscaler, size: Size) -> float | None:
    total: float | None = 0.0
    for width in _tiles(size[0]):
        for height in _tiles(size[1]):
            total = plus(total, net.work(width, height))
    return total


def _tiles(side: int, tile: int = _TILE, overlap: int = _OVERLAP) -> list[int]:
    if side <= tile:
        return [side]
    starts = range(0, side - overlap, tile - overlap)
    return [min(tile, side - max(0, min(side - overlap, start))) for start in starts]


def interpolate_images(inputs: Inputs) -> Forecast | None:
    """IMAGE, with so many frames in place of each but the last."""
    images, net = inputs.fact("images", Clips), inputs.fact("interp_model", Interpolator)
    if images is None or net is None:
        return None
    times, clips, made, total = int(inputs.value("multiplier", 2)), [], 0, 0.0
    for clip in images.clips:
        count = len(clip.plan.frames)
        between = max(count - 1, 0) * (times - 1)
        made += between
        total += between * (net.interpolate(*clip.size) or 0.0) + count * (net.prepare(*clip.size) or 0.0)
        plan = Keyframes.all_frames(count + between, clip.plan.frame_rate * times)
        clips.append(replace(clip, plan=plan))
    return Forecast((Clips(tuple(clips), is_image=True),), (DeviceWork("interpolate", "gpu", made, total),))


def video_components(inputs: Inputs) -> Forecast:
    """IMAGE of a VIDEO."""
    video = inputs.fact("video", Clips)
    return Forecast((Clips(video.clips, video.edit, is_image=True) if video else None,))


def create_video(inputs: Inputs) -> Forecast:
    """VIDEO of an IMAGE; a rate that comes by wire is taken for that of the clip."""
    images = inputs.fact("images", Clips)
    if images is None:
        return Forecast()
    rate = Fraction(inputs.value("fps", 25.0)).limit_denominator(1001) if inputs.is_constant("fps") else None
    clips = (replace(c, plan=Keyframes.all_frames(len(c.plan.frames), rate or c.plan.frame_rate)) for c in images.clips)
    return Forecast((Clips(tuple(clips), images.edit),))


def scale_images(inputs: Inputs) -> Forecast:
    """IMAGE of a width and a height, one of which may be left to the other."""
    images = inputs.fact("image", Clips)
    if images is None:
        return Forecast()
    width, height = int(inputs.value("width", 0)), int(inputs.value("height", 0))

    def fitted(size: Size) -> Size:
        if not width and not height:
            return size
        return (
            width or max(1, round(size[0] * height / size[1])),
            height or max(1, round(size[1] * width / size[0])),
        )

    return Forecast((_resized(images, fitted),))


def stitch_images(inputs: Inputs) -> Forecast:
    """IMAGE of two, beside or above each other; the second is brought to the size of the first."""
    one, two = inputs.fact("image1", Clips), inputs.fact("image2", Clips)
    if one is None or two is None:
        return Forecast((one,))
    is_beside = str(inputs.value("direction", "right")) in ("left", "right")

    def both(size: Size) -> Size:
        width, height = two.clips[0].size
        return (
            (size[0] + round(width * size[1] / height), size[1])
            if is_beside
            else (size[0], size[1] + round(height * size[0] / width))
        )

    return Forecast((_resized(one, both),))


def size_of_images(inputs: Inputs) -> Forecast:
    """Width, height and number of pictures."""
    images = inputs.fact("image", Clips)
    if images is None:
        return Forecast()
    width, height = images.clips[0].size
    return Forecast((Number(width), Number(height), Number(images.frames)))


def repeat_images(inputs: Inputs) -> Forecast:
    """IMAGE, several times."""
    images = inputs.fact("image", Clips)
    if images is None:
        return Forecast()
    return Forecast((pictures(images.frames * int(inputs.number("amount", 1)), images.clips[0].size),))


def some_images(inputs: Inputs) -> Forecast:
    """IMAGE: some of them."""
    images = inputs.fact("image", Clips)
    if images is None:
        return Forecast()
    first = min(int(inputs.number("batch_index", 0)), images.frames - 1)
    count = min(int(inputs.number("length", 1)), images.frames - first)
    return Forecast((pictures(count, images.clips[0].size),))


def scale_images_by(inputs: Inputs) -> Forecast:
    """IMAGE, so many times as large."""
    images, factor = inputs.fact("image", Clips), float(inputs.value("scale_by", 1.0))
    if images is None:
        return Forecast()
    return Forecast((_resized(images, lambda size: (round(size[0] * factor), round(size[1] * factor))),))


def _resized(images: Clips, size: Any) -> Clips:
    """Pictures of another size; what made the old ones goes no further."""
    clips: list[EditedClip] = [replace(clip, size=size(clip.size)) for clip in images.clips]
    return Clips(tuple(clips), is_image=True)


CORE: Mapping[str, Forecaster] = {
    **SAMPLING,
    **ENCODERS,
    **VIDEO,
    "CheckpointLoaderSimple": load_checkpoint,
    "UNETLoader": load_unet,
    "VAELoader": load_vae,
    "ControlNetLoader": load_control_net,
    "DiffControlNetLoader": load_control_net_for_model,
    "UpscaleModelLoader": load_upscaler,
    "FrameInterpolationModelLoader": load_interpolator,
    "LoadVideo": load_video,
    "LoadImage": load_image,
    "SetUnionControlNetType": type_of_control,
    "ControlNetApply": apply_control,
    "ControlNetApplyAdvanced": apply_control,
    "EmptyLatentImage": empty_latents,
    "RepeatLatentBatch": repeat_latents,
    "VAEEncode": encode_images,
    "VAEDecode": decode_latents,
    "ImageUpscaleWithModel": upscale_images,
    "FrameInterpolate": interpolate_images,
    "GetVideoComponents": video_components,
    "CreateVideo": create_video,
    "SaveVideo": save_video,
    "ImageScale": scale_images,
    "ImageStitch": stitch_images,
    "ImageScaleBy": scale_images_by,
    "GetImageSize": size_of_images,
    "RepeatImageBatch": repeat_images,
    "ImageFromBatch": some_images,
    "VAEDecodeTiled": decode_in_tiles,
}
"""Forecasters by class."""
