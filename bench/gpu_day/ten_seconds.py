"""An edit of 10 seconds through a real ComfyUI server: seconds and dollars, beside the forecast and the naive way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from frugal_motion.nodes.economy.prices import card_named
from frugal_motion.nodes.forecast.calibration import measured_of
from frugal_motion.nodes.forecast.workflow_estimate import THIS_MACHINE, estimate_prompt
from frugal_motion.nodes.jobs.job import with_values

from . import machine
from .measurement import Measurement
from .serving import SOURCE_RATE, Film, Host, Prompt, checkpoint, edit, film, serving
from .setting import Setting

GOALS = {"sparse": 15.0, "hybrid": 8.0, "dense": 4.0}
"""How many times as long the naive way samples."""
DOLLARS = 0.15
"""For 10 seconds of video."""
NAIVE_STEPS = 50
REHEARSED_AS = "H200"
TOLD = 0.02
"""Share of a run's seconds from which a stage has a figure of its own."""

ON_GPU = frozenset({"FrugalKeyframeSampler", "FrugalUpscale", "FrugalInterpolate"})


@dataclass(frozen=True)
class Size:
    """How large the edits are.

    Attributes:
        side: pixels of the clip, which is square.
        side_sdxl: the same for SDXL.
        seconds: of the clip.
        steps: of the sampler; 0: those of the workflow.
        short: seconds of a clip for what is not measured, and for the naive way.
        naive_batch: frames that the naive way samples at once.
        naive_steps: fewer and more; what the naive way takes for a step is their difference.
    """

    side: int = 512
    side_sdxl: int = 768
    seconds: float = 10.0
    steps: int = 0
    short: float = 1.0
    naive_batch: int = 25
    naive_steps: tuple[int, int] = (2, 8)


SMALL = Size(64, 64, 1.0, 2, 0.25, 2, (1, 2))


def measure(setting: Setting) -> Iterator[Measurement | dict[str, Any]]:
    """SD 1.5: sparse, the naive way, hybrid, dense, once more from the cache. Then SDXL, sparse."""
    size = SMALL if setting.rehearse else Size()
    with serving(
        setting, "ten_seconds", "SD 1.5", idle_minutes=0, gpu=REHEARSED_AS if setting.rehearse else ""
    ) as host:
        runs = Runs(host, size.seconds)
        yield from _sd15(runs, size)
        yield from _sdxl(runs, size, setting)


class Runs:
    """Edits on a server, and what they have told so far of the speed of its stages.

    Args:
        host: the server.
        seconds: of every clip.
    """

    def __init__(self, host: Host, seconds: float) -> None:
        self.host, self._seconds = host, seconds
        found = machine.cards("name")
        card = card_named(found[0][0] if found else REHEARSED_AS)
        self._card = card.name if card else THIS_MACHINE
        self._measured: list[dict[str, Any]] = []
        self._runs: dict[str, Any] = {}
        self.on_gpu: dict[str, dict[str, float]] = {}

    def run(self, name: str, prompt: Prompt) -> Iterator[Measurement | dict[str, Any]]:
        """Run an edit whose nets are loaded, and tell what it took."""
        expected = estimate_prompt(prompt, {"gpu": self._card})  # by the data sheet
        run = self.host.run(prompt)
        record = self.host.record(run)
        stages = self.on_gpu[name] = seconds_on_gpu(record)
        took, price = sum(stages.values()), expected["price"]
        each = price / 3600 * 10 / self._seconds  # dollars for 10 seconds of video, per second of the card
        yield Measurement(f"{name}.seconds", run.seconds, "s", note="all of it, nets are loaded")
        yield Measurement(f"{name}.gpu_seconds", took, "s", note="without the loading of nets")
        yield Measurement(f"{name}.dollars", run.seconds * each, "$", DOLLARS, "lower", f"all of it, at ${price:g}/h")
        yield Measurement(f"{name}.gpu_dollars", took * each, "$", note="of GPU seconds, as Cost Report counts")
        for title, seconds in told_stages(record):
            yield Measurement(f"{name}.stage.{title}", seconds, "s")
        if expected["seconds"]:
            yield Measurement(f"{name}.forecast_seconds", expected["seconds"], "s", note=f"{self._card}'s data sheet")
            yield Measurement(f"{name}.forecast_dollars", expected["seconds"] * each, "$")
            yield Measurement(f"{name}.took_over_forecast", took / expected["seconds"], "x")
        self._measured += [asdict(one) for one in measured_of(record)]
        self._runs[name] = {
            "stages": record["stages"],
            "forecast": expected["stages"],
            "peak_bytes": record["peak_bytes"],
            "joules": record["joules"],
        }
        yield {"measured": self._measured, "runs": self._runs}


def seconds_on_gpu(record: Mapping[str, Any]) -> dict[str, float]:
    """By title, those of the stages that belong on a GPU, without the loading of nets."""
    found: dict[str, float] = {}
    for stage in record["stages"]:
        if stage["device"] != "-" and stage["kind"] in ON_GPU:
            took = stage["net_seconds"] or stage["gpu_seconds"] or stage["seconds"]
            found[stage["stage"]] = max(took - stage["load_seconds"], 0.0)
    return found


def told_stages(record: Mapping[str, Any]) -> Sequence[tuple[str, float]]:
    """Names and seconds of the stages on the GPU, and of those that take a share of a run worth telling."""
    least = TOLD * sum(stage["seconds"] for stage in record["stages"])
    return [
        (re.sub(r"\W+", "_", stage["stage"].lower()), stage["seconds"])
        for stage in record["stages"]
        if stage["kind"] in ON_GPU or stage["seconds"] >= least
    ]


def _sd15(runs: Runs, size: Size) -> Iterator[Measurement | dict[str, Any]]:
    host, base = runs.host, runs.host.server.base
    clip = film(base, "clip", size.seconds, size.side, size.side)
    short = film(base, "short", size.short, size.side, size.side)
    files = host.family.result()
    steps = {"Sampler.steps": size.steps} if size.steps else {}
    warm = edit("motion_edit", files, {**short.values(), "Sampler.steps": 2})
    yield Measurement(
        "cold.seconds", host.run(warm).seconds, "s", note="a first edit, of a second, that loads the nets"
    )
    sparse = edit("motion_edit", files, clip.values() | steps)
    yield from runs.run("sparse", sparse)
    naive = naive_seconds(host, sparse, short, size)
    frames = round(size.seconds * SOURCE_RATE)
    part = f"{frames} frames of {NAIVE_STEPS} steps, by {size.naive_batch} frames of {size.naive_steps[1]} steps"
    yield Measurement("naive.seconds", naive, "s", note=f"KSampler and VAE Decode: {part}")
    yield from _faster(runs, "sparse", naive)
    for mode in ("hybrid", "dense"):
        yield from runs.run(mode, refined(edit("motion_edit", files, clip.values() | steps | {"Sampler.mode": mode})))
        yield from _faster(runs, mode, naive)
    yield from _cached(host, sparse)


def refined(prompt: Prompt) -> Prompt:
    """An edit whose sampler has what mode hybrid makes frames between with; the other modes do not look at it."""
    ids = {node["_meta"]["title"]: node_id for node_id, node in prompt.items()}
    prompt[ids["Sampler"]]["inputs"] |= {"interp_model": [ids["RIFE"], 0], "motion": [ids["Smooth Motion"], 0]}
    return prompt


def _sdxl(runs: Runs, size: Size, setting: Setting) -> Iterator[Measurement | dict[str, Any]]:
    host, base, side = runs.host, runs.host.server.base, size.side_sdxl
    # ComfyUI knows SDXL by its full size alone.
    files = checkpoint(host.models, setting, "SD 1.5" if setting.rehearse else "SDXL")
    steps = {"Sampler.steps": size.steps} if size.steps else {}
    short = film(base, "short_sdxl", size.short, side, side)
    warm = edit("motion_edit_sdxl", files, {**short.values(), "Sampler.steps": 2})
    yield Measurement("sdxl.cold.seconds", host.run(warm).seconds, "s", note="a first edit, of a second")
    clip = film(base, "clip_sdxl", size.seconds, side, side)
    yield from runs.run("sdxl", edit("motion_edit_sdxl", files, clip.values() | steps))


def naive_seconds(host: Host, edited: Prompt, short: Film, size: Size) -> float:
    """What the naive way takes for a clip, by its fixed seconds and those of a step for a batch of frames."""
    fewer, more = size.naive_steps
    took = [
        host.run(naive(edited, short, size.naive_batch, steps, seed)).seconds
        for seed, steps in enumerate((fewer, fewer, more))
    ][1:]
    each = (took[1] - took[0]) / (more - fewer)
    batches = size.seconds * SOURCE_RATE / size.naive_batch
    return max(took[0] + (NAIVE_STEPS - fewer) * each, took[0]) * float(batches)


def naive(edited: Prompt, short: Film, frames: int, steps: int, seed: int) -> Prompt:
    """ComfyUI's own nodes on every frame: ControlNet, KSampler and VAE Decode.

    Args:
        edited: an edit, whose nets and prompts are taken.
        short: a clip of at least so many frames.
        frames: sampled at once.
    """
    ids = {node["_meta"]["title"]: node_id for node_id, node in edited.items()}

    def out(title: str, place: int = 0) -> list[Any]:
        return [ids[title], place]

    kept = {ids[title]: edited[ids[title]] for title in ("Checkpoint", "ControlNet", "Prompt", "Negative Prompt")}
    sampler = edited[ids["Sampler"]]["inputs"]
    same = {name: sampler[name] for name in ("cfg", "sampler_name", "scheduler")}
    size = {"width": short.width, "height": short.height}
    control = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0}
    texts = {"positive": out("Prompt"), "negative": out("Negative Prompt")}
    guided = {"positive": ["control", 0], "negative": ["control", 1]}
    return kept | {
        name: {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}
        for name, kind, inputs in (
            ("motion", "FrugalLoadMotion", {"file": short.motion(SOURCE_RATE), "frame_rate": 25.0}),
            ("drawn", "FrugalDrawPose", {"motion": ["motion", 0], **size}),
            ("some", "ImageFromBatch", {"image": ["drawn", 0], "batch_index": 0, "length": frames}),
            ("control", "ControlNetApplyAdvanced",
             {"control_net": out("ControlNet"), "image": ["some", 0], **texts, **control}),
            ("empty", "EmptyLatentImage", {**size, "batch_size": frames}),
            ("sampled", "KSampler",
             {"model": out("Checkpoint"), "latent_image": ["empty", 0], "seed": seed, "steps": steps, "denoise": 1.0,
              **guided, **same}),
            ("decoded", "VAEDecode", {"samples": ["sampled", 0], "vae": out("Checkpoint", 2)}),
            ("shown", "PreviewAny", {"source": ["decoded", 0]}),
        )
    }  # fmt: skip


def _faster(runs: Runs, way: str, naive: float) -> Iterator[Measurement]:
    stages = runs.on_gpu[way]
    note = "naive sampling over that of the pack, with the VAE"
    yield Measurement(f"naive_over_{way}", naive / stages["Sampler"], "x", GOALS[way], "higher", note)
    note = "naive sampling over all of the edit's GPU seconds: frames between and twice the size too"
    yield Measurement(f"naive_over_{way}_edit", naive / sum(stages.values()), "x", note=note)


def _cached(host: Host, prompt: Prompt) -> Iterator[Measurement]:
    """The same edit once more, after ComfyUI has forgotten all that it had in memory."""
    host.ask("/frugal-motion/unload", {"free_memory": True})
    host.until(lambda: not host.ask("/frugal-motion/gpu")["models"])
    run = host.run(with_values(prompt, {"Save Video.filename_prefix": "video/again"}))
    on_gpu = sum(seconds_on_gpu(host.record(run)).values())
    yield Measurement("cached.seconds", run.seconds, "s", note="the same edit once more, from the disk cache")
    yield Measurement("cached.gpu_seconds", on_gpu, "s", 0.0, "lower")
