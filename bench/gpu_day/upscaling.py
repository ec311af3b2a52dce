"""Upscale Video beside ComfyUI's Upscale Image (using Model)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import folder_paths
import torch
from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel, UpscaleModelLoader
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from torch import nn

from frugal_motion.nodes.host.models import accelerator, compute_device, convolution_dtype, managed
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.upscaling.node import FrugalUpscale
from frugal_motion.nodes.upscaling.upscaler import Upscaler
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream

from .._edit import RATE
from . import less_memory
from .drawn_clip import HeldClip
from .likeness import LEAST_DB, psnr
from .measurement import Finding, Measurement
from .net_clock import clock_on
from .nets import fill
from .setting import Setting
from .timing import side_by_side, timed

FOLDER = "upscale_models"
GOAL = 2.0


@dataclass(frozen=True)
class Case:
    """A net that is measured.

    Attributes:
        name: in measurements.
        file: its weights, where they have been carried.
        frames: as many as take about a second.
        made: a net of its layout; small in a rehearsal.
        middle: brightness around which random weights give pictures.
    """

    name: str
    file: str
    frames: int
    made: Callable[[bool], nn.Module]
    middle: float


def _compact(small: bool) -> nn.Module:
    net: nn.Module = Compact(num_feat=8 if small else 64, num_conv=2 if small else 16, upscale=4)
    return net


def _esrgan(small: bool) -> nn.Module:
    net: nn.Module = ESRGAN(num_filters=16 if small else 64, num_blocks=1 if small else 23, scale=4)
    return net


CASES = (
    Case("animevideov3", "realesr-animevideov3", 2 * CHUNK, _compact, 0.0),
    Case("x4plus", "RealESRGAN_x4plus", CHUNK, _esrgan, 0.5),
)


def beside_core(setting: Setting, clip: HeldClip, case: Case) -> Iterator[Finding]:
    """Both nodes on the same frames, from an IMAGE on the CPU to one four times as large."""
    name = f"upscale_{case.name}"
    model, weights = loaded(setting, case)
    image = clip.images(2 if setting.rehearse else case.frames)
    what = f"{len(image)} frames of {image.shape[2]} px to 4 x, {weights} weights"

    def ours(image: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = FrugalUpscale.execute(image, model, 4.0).args[0]
        return made

    def core(image: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = ImageUpscaleWithModel.execute(model, image).args[0]
        return made

    found = side_by_side({"ours": partial(ours, image), "core": partial(core, image)}, 1 if setting.rehearse else 2)
    yield Measurement(
        f"{name}.vs_core", found["core"].seconds / found["ours"].seconds, "x", GOAL, "higher", f"IMAGE to IMAGE, {what}"
    )
    for way, timing in found.items():
        yield Measurement(f"{name}.{way}.frames_per_s", len(image) / timing.seconds, "frames/s")
        yield Measurement(f"{name}.{way}.peak", timing.peak_bytes / 1e9, "GB")
    likeness, note = psnr(ours(image[:2]), core(image[:2])), "the node's precision on this card, of 2 frames"
    yield Measurement(f"{name}.psnr_to_fp32_of_core", likeness, "dB", LEAST_DB, "higher", note)
    yield from _as_video(name, setting, clip, model, case)


def _as_video(name: str, setting: Setting, clip: HeldClip, model: Any, case: Case) -> Iterator[Finding]:
    """The same frames as Save Video reads them, and how long the net itself takes of that."""
    frames = clip.frames[: 2 if setting.rehearse else case.frames]

    def read() -> None:
        video = FrugalUpscale.execute(StreamVideo(ArrayStream(frames, RATE)), model, 4.0).args[0]
        for _ in as_stream(video).chunks():
            pass

    note = "VIDEO to VIDEO: 8 bits a colour, as they are saved"
    yield Measurement(f"{name}.video.frames_per_s", len(frames) / timed(read).seconds, "frames/s", note=note)
    upscaler, net = _upscaler(model, clip, lambda: None)
    upscaler(frames)
    with clock_on(net) as clock:
        whole = timed(lambda: upscaler(frames)).seconds
    note = "the rest is between card and CPU"
    yield Measurement(f"{name}.video.share_of_net", clock.seconds / whole, "", note=note)


def with_less_memory(setting: Setting, clip: HeldClip) -> Iterator[Finding]:
    """A batch that does not fit is halved, and the pictures are the same."""
    halved: list[bool] = []
    model, _ = loaded(setting, CASES[1])  # the larger one
    upscaler, net = _upscaler(model, clip, lambda: halved.append(True))
    frames = clip.frames[:CHUNK]
    made: list[Any] = []

    def work() -> None:
        made.append(upscaler(frames))

    work()
    share = less_memory.until_too_large(work, net, len(frames), halved, pretend=setting.rehearse)
    yield from less_memory.found("upscale", len(halved), share, made[0], made[-1])


def loaded(setting: Setting, case: Case) -> tuple[Any, str]:
    """An UPSCALE_MODEL as ComfyUI's own loader gives it, and whether its weights are real or random."""
    file = setting.assets / "models" / FOLDER / f"{case.file}.safetensors"
    is_real = file.is_file() and not (setting.rehearse and case.name == "x4plus")  # which takes too long on a CPU
    if not is_real:
        file = setting.scratch / FOLDER / f"random_{case.file}.safetensors"
        file.parent.mkdir(exist_ok=True)
        save_file(_random_weights(case, setting.rehearse), file)
    folder_paths.add_model_folder_path(FOLDER, str(file.parent))
    return UpscaleModelLoader.execute(file.name).args[0], "real" if is_real else "random"


def _random_weights(case: Case, small: bool) -> dict[str, torch.Tensor]:
    net = case.made(small)
    fill(net, 0)
    last = [module for module in net.modules() if isinstance(module, nn.Conv2d)][-1]
    assert last.bias is not None
    with torch.no_grad():
        last.weight.mul_(0.03)  # most of what it gives is within 0..1
        last.bias.fill_(case.middle)
    return {key: value.contiguous() for key, value in net.state_dict().items()}


def _upscaler(model: Any, clip: HeldClip, too_large: Callable[[], None]) -> tuple[Upscaler, nn.Module]:
    """What the node makes of a model, in batches; and the net in it."""
    net = copy.deepcopy(model)
    dtype = convolution_dtype(compute_device())
    net.to(dtype if dtype == torch.float16 else torch.float32)
    net.model.to(memory_format=torch.channels_last)
    size = 4 * clip.frames.shape[2], 4 * clip.frames.shape[1]
    return Upscaler(net, less_memory.in_batches(accelerator(managed(net.model)), too_large), size), net.model
