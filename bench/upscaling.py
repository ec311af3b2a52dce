"""Upscaling against ComfyUI's own node on the CPU, and the work of both orders of upscaling and interpolation."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from spandrel import ModelLoader

from bench._compare import result
from nodes.accelerator import Accelerator
from nodes.interpolation.interpolator import NetInterpolator
from nodes.interpolation.rife import load_rife
from nodes.interpolation.stream import InterpolatedStream
from nodes.keyframes.uniform import every_nth
from nodes.upscaling.order import compare
from nodes.upscaling.upscaler import Upscaler
from nodes.video.stream import ArrayStream

FOLDER = Path(__file__).resolve().parent
MODELS = FOLDER.parent / ".assets/models"
COMMAND = "make bench ONLY=upscaling"


def measure() -> dict[str, dict[str, object]]:
    """How many times as long core's node takes; prints the orders."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_upscale.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    results = {}
    for name, seconds in json.loads(done.stdout.splitlines()[-1]).items():
        print(name, {way: round(value, 2) for way, value in seconds.items()}, file=sys.stderr)
        results[f"upscale.{name}_vs_core"] = result(seconds["core"] / seconds["ours"], "x", 1.0, COMMAND)
        results[f"upscale.{name}_order"] = result(_saved(name), "x", 1.0, COMMAND)
    return results


def _saved(name: str) -> float:
    """Work of the wrong order over that of the one taken: 10 s, 31 keyframes of 512 x 512 to 25 fps, twice the size."""
    rife = load_rife(load_file(MODELS / "frame_interpolation/rife_v4.26.safetensors"), "rife")
    plan = every_nth(120, Fraction(12), 4)
    source = ArrayStream(np.zeros((len(plan.frames), 8, 8, 3), np.uint8), plan.frame_rate)
    stream = InterpolatedStream(source, plan, Fraction(25), NetInterpolator(rife, Accelerator()))
    model = ModelLoader().load_from_file(str(MODELS / "upscale_models" / f"{name}.safetensors"))
    orders = compare(stream, (512, 512), Upscaler(model, Accelerator(), (1024, 1024)))
    assert orders
    print(f"{name}: {orders}", file=sys.stderr)
    work = orders.upscale_first, orders.interpolate_first
    return max(work) / min(work)
