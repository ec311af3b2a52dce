"""Letting go of an idle card: memory that is used before and after, and how long the next prompt takes to begin."""

from __future__ import annotations

from collections.abc import Iterator

from . import machine
from .measurement import Finding, Measurement
from .serving import Host, edit, film, serving
from .setting import Setting

IDLE_SECONDS = 1.0
SIDE, SMALL_SIDE = 512, 32
STEPS, SMALL_STEPS = 4, 2
GIGABYTE = 1e9
FREED = 90.0
"""Per cent of what was loaded: goal."""


def measure(setting: Setting) -> Iterator[Finding]:
    """The first prompt, one with its nets loaded, the idle unload, and one whose nets come back from RAM."""
    side, steps = (SMALL_SIDE, SMALL_STEPS) if setting.rehearse else (SIDE, STEPS)
    with serving(setting, "idle_unload", "SD 1.5", idle_minutes=0) as host:
        clip, files = film(host.server.base, "short", 1.0, side, side), host.files.result()

        def first_step(seed: int) -> float:
            prompt = edit("motion_edit", files, clip.values() | {"Sampler.steps": steps, "Sampler.seed": seed})
            return host.first_step(prompt, "Sampler")[0]

        before = used_bytes(host)
        yield used("started", before, "the server has not loaded anything yet")
        note = "from the post of a running server's first prompt; its files were just written, so they are in RAM"
        yield Measurement("first_step.from_disk", first_step(1), "s", note=note)
        loaded = used_bytes(host)
        yield used("loaded", loaded, "nets of SD 1.5, upscaling and interpolation")
        yield Measurement("first_step.warm", first_step(2), "s")
        host.set(idle_minutes=IDLE_SECONDS / 60)
        host.until(lambda: host.ask("/frugal-motion/gpu")["idle_unloads"] > 0)
        host.set(idle_minutes=0)
        host.until(lambda: not host.ask("/frugal-motion/gpu")["models"])
        after = used_bytes(host)
        yield used("unloaded", after, f"{IDLE_SECONDS:g} s without work")
        freed = (loaded - after) / (loaded - before) if loaded > before else 0.0
        yield Measurement("freed", 100 * freed, "%", FREED, "higher", "of what the first prompt had taken")
        yield Measurement("first_step.from_ram", first_step(3), "s", note="the nets were in RAM")
        note = "with PyTorch's cache, which ComfyUI empties every 10 s at most; it was empty above"
        yield used("loaded_again", used_bytes(host), note)


def used(name: str, amount: float, note: str) -> Measurement:
    """Memory, as a figure."""
    return Measurement(f"used.{name}", amount / GIGABYTE, "GB", note=note)


def used_bytes(host: Host) -> float:
    """Memory in use on the first card, by NVML; without a card, the weights that ComfyUI has loaded."""
    found = machine.cards("memory.used")
    if found and found[0][0].isdecimal():
        return float(found[0][0]) * 2**20
    return float(sum(model["bytes"] for model in host.ask("/frugal-motion/gpu")["models"]))
