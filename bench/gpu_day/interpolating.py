"""Interpolate Frames beside ComfyUI's Run Frame Interpolation Model, and beside itself without a motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import comfyui_version
import cv2
import folder_paths
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from frugal_motion.nodes.host.models import accelerator, compute_device, inference_dtype
from frugal_motion.nodes.host.video import as_stream
from frugal_motion.nodes.interpolation.interpolator import Between, NetInterpolator
from frugal_motion.nodes.interpolation.node import FrugalInterpolate, FrugalLoadInterpolator
from frugal_motion.nodes.interpolation.rife import Rife, RifeLayout, load_rife
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.video.stream import CHUNK
from frugal_motion.nodes.video.tensors import to_image

from .._edit import RATE
from . import less_memory
from .drawn_clip import HeldClip
from .likeness import LEAST_DB, psnr
from .measurement import Finding, Measurement
from .net_clock import clock_on
from .nets import fill
from .setting import Setting
from .timing import Timing, side_by_side, timed

try:  # newer ComfyUI
    from comfy_extras.frame_interpolation_models.film_net import FILMNet
    from comfy_extras.nodes_frame_interpolation import FrameInterpolate, FrameInterpolationModelLoader
except ImportError:
    FrameInterpolate = None

FOLDER = "frame_interpolation"
RIFE = "rife_v4.26.safetensors"
GOAL = 2.0
EVERY = 4
"""Frames from one keyframe to the next, at ``RATE``."""


def rife(setting: Setting, clip: HeldClip, enlarged: int) -> Iterator[Finding]:
    """Twice the frames: the pack's node, ComfyUI's where it has one, and loops over the pack's own net.

    Args:
        setting: of the day.
        clip: of 512 px.
        enlarged: by how much.
    """
    name, images = f"rife_{512 * enlarged}", _images(clip, enlarged, 3 if setting.rehearse else 1 + 32 // enlarged)
    file, weights = rife_file(setting)
    net = FrugalLoadInterpolator.execute(file.name).args[0]
    plain, half = (PairByPair(file, dtype) for dtype in (torch.float32, inference_dtype(compute_device())))
    ways: dict[str, Callable[[], object]] = {
        "ours": partial(twice_the_frames, net, images),
        "plain loop": partial(plain, images),
        "half loop": partial(half, images),
        **_core(file.name, images),
    }
    found = side_by_side(ways, 1 if setting.rehearse else 3)
    made, note = len(images) - 1, f"{len(images)} frames of {images.shape[2]} px to twice as many, {weights} weights"
    yield Measurement(f"{name}.frames_per_s", made / found["ours"].seconds, "frames/s", note=note)
    yield Measurement(f"{name}.peak", found["ours"].peak_bytes / 1e9, "GB")
    yield from _beside_core(name, found)
    for way, what in (("plain loop", "fp32"), ("half loop", "half precision, as newer ComfyUI's node does it")):
        ratio, how = found[way].seconds / found["ours"].seconds, f"the pack's own net, pair by pair in {what}"
        yield Measurement(f"{name}.vs_{way.replace(' ', '_')}", ratio, "x", note=how)
    yield Measurement(
        f"{name}.psnr_to_fp32", psnr(twice_the_frames(net, images), plain(images)), "dB", LEAST_DB, "higher"
    )


def film(setting: Setting, clip: HeldClip) -> Iterator[Finding]:
    """Core's FILM, through the pack's node and core's own."""
    if FrameInterpolate is None:
        yield {"film": f"not measured: ComfyUI {comfyui_version.__version__} has neither FILM nor a node for it"}
        return
    images = _images(clip, 1, 3 if setting.rehearse else 9)
    file = _film_file(setting)
    net = FrameInterpolationModelLoader.execute(file.name).args[0]
    found = side_by_side(
        {"ours": partial(twice_the_frames, net, images), **_core(file.name, images)}, 1 if setting.rehearse else 2
    )
    yield Measurement("film_512.vs_core", found["core"].seconds / found["ours"].seconds, "x", note="random weights")
    yield Measurement("film_512.frames_per_s", (len(images) - 1) / found["ours"].seconds, "frames/s")


def guided(setting: Setting, clip: HeldClip) -> Iterator[Finding]:
    """Frames between keyframes that follow a motion, beside the net alone."""
    net = FrugalLoadInterpolator.execute(rife_file(setting)[0].name).args[0]
    plan = clip.keyframes(EVERY)
    images = to_image(clip.frames[list(plan.frames)])

    def video(way: str) -> Any:
        return FrugalInterpolate.execute(images, net, 25.0, plan, motion=clip.motion, way=way).args[0]

    def read(way: str) -> None:
        for _ in as_stream(video(way)).chunks():
            pass

    found = side_by_side({way: partial(read, way) for way in ("motion", "net alone")}, 1 if setting.rehearse else 2)
    count = video("motion").get_frame_count()
    note = f"{len(plan.frames)} keyframes of {images.shape[2]} px to {count} frames, {cv2.getNumThreads()} threads"
    yield Measurement("guided.over_rife", found["motion"].seconds / found["net alone"].seconds, "x", note=note)
    yield Measurement("guided.frames_per_s", count / found["motion"].seconds, "frames/s")
    yield Measurement("guided.rife_alone.frames_per_s", count / found["net alone"].seconds, "frames/s")
    with clock_on(net.model, net.model.encode) as clock:
        whole = timed(partial(read, "motion")).seconds
    on_cpu, how = max(whole - clock.seconds, 0.0), "of each frame, on the clock: all but the net, which waits meanwhile"
    yield Measurement("guided.cpu_seconds", on_cpu / count, "s", note=how)


def with_less_memory(setting: Setting, clip: HeldClip) -> Iterator[Finding]:
    """A batch that does not fit is halved, and the pictures are the same."""
    halved: list[bool] = []
    net = FrugalLoadInterpolator.execute(rife_file(setting)[0].name).args[0]
    interpolator = NetInterpolator(net.model, less_memory.in_batches(accelerator(net), lambda: halved.append(True)))
    left, right = (interpolator.prepare(_enlarged(frame, 2)) for frame in clip.frames[:2])
    wanted = [Between(left, right, Fraction(number, CHUNK + 1)) for number in range(1, CHUNK + 1)]
    made: list[Any] = []

    def work() -> None:
        made.append(interpolator.make(wanted))

    work()
    share = less_memory.until_too_large(work, net.model, len(wanted), halved, pretend=setting.rehearse)
    yield from less_memory.found("rife", len(halved), share, made[0], made[-1])


class PairByPair:
    """A loop over pairs of frames, as newer ComfyUI's node has it; what is known of a frame is kept for the next pair.

    Args:
        file: weights of RIFE.
        dtype: of weights and frames.
    """

    def __init__(self, file: Path, dtype: torch.dtype) -> None:
        self._net = load_rife(load_file(file), file.name).to(compute_device(), dtype)
        self._device, self._dtype = compute_device(), dtype

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Twice the frames of an IMAGE, as another one; its sides are multiples of ``net.pad_align``."""
        result = torch.empty(2 * len(images) - 1, *images.shape[1:])
        result[::2] = images
        before = self._prepared(images[0])
        for number, image in enumerate(images[1:]):
            after = self._prepared(image)
            time = torch.full_like(after[0][:, :1], 0.5)
            cache = {"img0": before[1], "img1": after[1]}
            result[2 * number + 1] = self._net(before[0], after[0], timestep=time, cache=cache)[0].movedim(0, -1)
            before = after
        return result.clamp_(0, 1)

    def _prepared(self, image: torch.Tensor) -> tuple[torch.Tensor, Any]:
        frame = image.movedim(-1, 0)[None].to(self._device, self._dtype)
        return frame, self._net.extract_features(frame)


def twice_the_frames(net: Any, images: torch.Tensor) -> torch.Tensor:
    """Twice the frames by the pack's node."""
    plan = Keyframes.all_frames(len(images), RATE)
    made: torch.Tensor = FrugalInterpolate.execute(images, net, 2.0 * RATE, plan).args[0].get_components().images
    return made[: 2 * len(images) - 1]


def _core(file: str, images: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Core's node, where this ComfyUI has it."""
    if FrameInterpolate is None:
        return {}
    net = FrameInterpolationModelLoader.execute(file).args[0]
    return {"core": lambda: FrameInterpolate.execute(net, images, 2)}


def _beside_core(name: str, found: Mapping[str, Timing]) -> Iterator[Finding]:
    if "core" in found:
        ratio, note = found["core"].seconds / found["ours"].seconds, "1.0 is the least that is acceptable"
        yield Measurement(f"{name}.vs_core", ratio, "x", GOAL, "higher", note)
    else:
        yield {f"{name}.vs_core": f"not measured: ComfyUI {comfyui_version.__version__} has no node that interpolates"}


def rife_file(setting: Setting) -> tuple[Path, str]:
    """RIFE's weights, where loaders find them, and whether they are real or random."""
    file = setting.assets / "models" / FOLDER / RIFE
    is_real = file.is_file()
    if not is_real:
        net = Rife(RifeLayout())
        fill(net, 0)
        file = _written(setting, "random_rife.safetensors", net)
    folder_paths.add_model_folder_path(FOLDER, str(file.parent))
    return file, "real" if is_real else "random"


def _film_file(setting: Setting) -> Path:
    net = FILMNet(device=compute_device())
    fill(net, 0)
    file = _written(setting, "random_film.safetensors", net)
    folder_paths.add_model_folder_path(FOLDER, str(file.parent))
    return file


def _written(setting: Setting, name: str, net: nn.Module) -> Path:
    file = setting.scratch / FOLDER / name
    file.parent.mkdir(exist_ok=True)
    save_file({key: value.cpu().contiguous() for key, value in net.state_dict().items()}, file)
    return file


def _images(clip: HeldClip, enlarged: int, count: int) -> torch.Tensor:
    """The first frames of the clip, ``enlarged`` times as large, as an IMAGE."""
    image: torch.Tensor = to_image(np.stack([_enlarged(frame, enlarged) for frame in clip.frames[:count]]))
    return image


def _enlarged(frame: Any, times: int) -> Any:
    return cv2.resize(frame, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
