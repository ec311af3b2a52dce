"""An edit of 10 seconds through a real ComfyUI server: seconds and dollars, beside the forecast and the naive way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from frugal_motion.nodes.economy.prices import card_named
from frugal_motion.nodes.forecast.calibration import measured_of
from frugal_motion.nodes.forecast.workflow_estimate import THIS_MACHINE, estimate_prompt
from frugal_motion.nodes.jobs.job import with_values

from .._edit import NAIVE_STEPS
from . import machine
from .measurement import Finding, Measurement
from .nets import CheckpointFiles, Family
from .serving import ON_GPU, SOURCE_RATE, Film, Host, Prompt, base_of, edit, film, seconds_on_gpu, serving
from .setting import Setting
from .steps import Step, each

GOALS = {"sparse": 15.0, "hybrid": 8.0, "dense": 4.0}
"""How many times as long the naive way samples."""
DOLLARS = 0.15
"""For 10 seconds of video."""
PART = "ten_seconds"
REHEARSED_AS = "H200"
TOLD = 0.02
"""Share of a run's seconds from which a stage has a figure of its own."""


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


SMALL = Size(32, 32, 0.5, 2, 0.25, 2, (1, 2))


def measure(setting: Setting) -> Iterator[Finding]:
    """SD 1.5: sparse, the naive way, hybrid, dense, once more from the cache, frames by the motion. Then SDXL, sparse.

    At 200 TFLOP/s: 10 s until the server answers, 10 s for the first edit, 20 s for mode sparse, 6 s for the naive way,
    15 s for mode hybrid, 20 s for mode dense, 10 s from the cache, 20 s for frames by the motion, 60 s for SDXL.
    """
    size = SMALL if setting.rehearse else Size()
    base = base_of(setting, PART)
    with ThreadPoolExecutor(1) as films, ThreadPoolExecutor(1) as estimates:
        clips = {
            name: films.submit(film, base, name, seconds, side, side)
            for name, seconds, side in (
                ("short", size.short, size.side),
                ("clip", size.seconds, size.side),
                ("short_sdxl", size.short, size.side_sdxl),
                ("clip_sdxl", size.seconds, size.side_sdxl),
            )
        }
        with serving(setting, PART, "SD 1.5", idle_minutes=0) as host:
            runs = Runs(host, size.seconds, estimates)
            yield from each(_steps(runs, size, clips, "SD 1.5" if setting.rehearse else "SDXL"))


def _steps(runs: Runs, size: Size, clips: Mapping[str, Future[Film]], larger: Family) -> Iterator[Step]:
    """The most wanted first.

    Args:
        larger: whose nets are taken at last; ComfyUI knows SDXL by its full size alone.
    """
    yield partial(_sparse, runs, size, clips["short"], clips["clip"])
    yield partial(_naive, runs, size, clips["short"])
    for mode in ("hybrid", "dense"):
        yield partial(_mode, runs, size, clips["clip"], mode)
    files = runs.host.checkpoint(larger)  # they are written meanwhile
    yield partial(_cached, runs, size, clips["clip"])
    yield partial(_guided, runs, size, clips["clip"])
    yield partial(_sdxl, runs, size, files, clips["short_sdxl"], clips["clip_sdxl"])


class Runs:
    """Edits on a server, and what they have told so far of the speed of its stages.

    Args:
        host: the server.
        seconds: of every clip.
        pool: where estimates are made: counting the work of a large net takes seconds.
    """

    def __init__(self, host: Host, seconds: float, pool: Executor) -> None:
        self.host, self._seconds, self._pool = host, seconds, pool
        found = machine.cards("name")
        self._card = card_named(found[0][0] if found else REHEARSED_AS)
        self._measured: list[dict[str, Any]] = []
        self._runs: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        """By run, from its first node to its last."""
        self.on_gpu: dict[str, dict[str, float]] = {}
        """By run, what ``seconds_on_gpu`` told."""
        self.naive = 0.0
        """Seconds of the naive way."""

    def run(self, name: str, prompt: Prompt, note: str = "", *, is_whole: bool = True) -> Iterator[Finding]:
        """Run an edit whose nets are loaded, and tell what it took.

        Args:
            name: of it, before those of its figures.
            prompt: it.
            note: what is to be known of it.
            is_whole: whether it has all stages that are promised for some dollars.
        """
        expected = self._pool.submit(self.expected, prompt)
        run = self.host.run(prompt)
        record = self.host.record(run)
        self.seconds[name] = run.seconds
        stages = self.on_gpu[name] = seconds_on_gpu(record)
        took, price = sum(stages.values()), self._card.price(spot=False) if self._card else 0.0
        dollars = price / 3600 * 10 / self._seconds  # for 10 seconds of video, per second of the card
        note = f"its nets are loaded{note and '; '}{note}"
        yield Measurement(f"{name}.seconds", run.seconds, "s", note=note)
        yield Measurement(f"{name}.gpu_seconds", took, "s", note="of Sampler, Upscale and Interpolate")
        if price:
            goal, how = DOLLARS if is_whole else None, f"of all seconds, at ${price:g}/h"
            yield Measurement(f"{name}.dollars", run.seconds * dollars, "$", goal, "lower" if is_whole else "", how)
            yield Measurement(f"{name}.gpu_dollars", took * dollars, "$", note="of GPU seconds, as Cost Report counts")
        for title, seconds in told_stages(record):
            yield Measurement(f"{name}.stage.{title}", seconds, "s")
        yield Measurement(f"{name}.peak", record["peak_bytes"] / 1e9, "GB", note="in tensors on the card")
        yield from self._beside_forecast(name, took, expected.result(), dollars)
        yield self.facts(name, record, expected.result())

    def expected(self, prompt: Prompt) -> dict[str, Any]:
        """What Cost Estimate says of a prompt before any run on this machine, whatever is in a cache."""
        uncached = with_values(prompt, {"Cache Keyframes.enabled": False, "Cache Video.enabled": False})
        return dict(estimate_prompt(uncached, {"gpu": self._card.name if self._card else THIS_MACHINE}))

    def _beside_forecast(
        self, name: str, took: float, forecast: dict[str, Any], dollars: float
    ) -> Iterator[Measurement]:
        if not forecast["seconds"] or not self._card:
            return
        seconds = forecast["seconds"]
        is_known = any(stage.get("by") == "measured" for stage in forecast["stages"])
        known_by = "what such cards took on earlier days" if is_known else f"{self._card.name}'s data sheet"
        note = f"by {known_by}, before any run"
        yield Measurement(f"{name}.forecast_seconds", seconds, "s", note=note)
        yield Measurement(f"{name}.forecast_dollars", seconds * dollars, "$", note=note)
        yield Measurement(f"{name}.took_over_forecast", took / seconds, "x", note="GPU seconds")

    def facts(self, name: str, record: Mapping[str, Any], forecast: Mapping[str, Any]) -> dict[str, Any]:
        """All runs so far, and ``measured``: of every stage its work and seconds, as ``throughput.Measured``."""
        self._measured += [asdict(one) for one in measured_of(record)]
        told = {key: record[key] for key in ("stages", "peak_bytes", "joules", "video_seconds")}
        self._runs[name] = told | {"forecast": forecast.get("stages", [])}
        return {"measured": self._measured, "runs": self._runs}


def told_stages(record: Mapping[str, Any]) -> Sequence[tuple[str, float]]:
    """Names and seconds of the stages on the GPU, and of those that take a share of a run worth telling."""
    least = TOLD * sum(stage["seconds"] for stage in record["stages"])
    return [
        (re.sub(r"\W+", "_", stage["stage"].lower()), stage["seconds"])
        for stage in record["stages"]
        if stage["kind"] in ON_GPU or stage["seconds"] >= least
    ]


def _sd15_values(size: Size, clip: Film) -> dict[str, Any]:
    return clip.values() | ({"Sampler.steps": size.steps} if size.steps else {})


def _sparse(runs: Runs, size: Size, short: Future[Film], clip: Future[Film]) -> Iterator[Finding]:
    """The edit as it is shipped."""
    files = runs.host.files.result()
    yield _loading("cold.seconds", runs.host, edit("motion_edit", files, short.result().values()))
    note = "random pictures show no person: the motion is tried and given up, frames between are by the net alone"
    yield from runs.run("sparse", edit("motion_edit", files, _sd15_values(size, clip.result())), note)


def _naive(runs: Runs, size: Size, short: Future[Film]) -> Iterator[Finding]:
    """The naive way, and how many times as long it takes as mode sparse."""
    edited = edit("motion_edit", runs.host.files.result(), {})
    runs.naive = naive_seconds(runs.host, edited, short.result(), size)
    frames = round(size.seconds * SOURCE_RATE)
    part = f"{frames} frames of {NAIVE_STEPS} steps, by {size.naive_batch} frames of {size.naive_steps[1]} steps"
    yield Measurement("naive.seconds", runs.naive, "s", note=f"KSampler and VAE Decode: {part}")
    yield from _faster(runs, "sparse")
    if stages := runs.on_gpu.get("sparse"):
        note = "naive sampling over all of the edit's GPU seconds: frames between and twice the size too"
        yield Measurement("naive_over_sparse_edit", runs.naive / sum(stages.values()), "x", note=note)
        note = "naive sampling over all of the edit's seconds, those on the CPU too"
        yield Measurement("naive_over_sparse_seconds", runs.naive / runs.seconds["sparse"], "x", note=note)


def _mode(runs: Runs, size: Size, clip: Future[Film], mode: str) -> Iterator[Finding]:
    """Another mode: its sampling, which the naive way is compared with, and frames between as large as the keyframes.

    All frames that it samples would be made larger, six times those of mode sparse: that would take longer than all
    else, and mode sparse and Upscale Video have told it.
    """
    values = {"Sampler.mode": mode, "Interpolate.way": "net alone", "Upscale.scale": 1.0}
    prompt = edit("motion_edit", runs.host.files.result(), _sd15_values(size, clip.result()) | values)
    note = "made no larger; frames between by the net alone"
    yield from runs.run(mode, refined(prompt), note, is_whole=False)
    yield from _faster(runs, mode)


def _sdxl(
    runs: Runs, size: Size, files: Future[CheckpointFiles], short: Future[Film], clip: Future[Film]
) -> Iterator[Finding]:
    values = {"Interpolate.way": "net alone"} | ({"Sampler.steps": size.steps} if size.steps else {})
    first = edit("motion_edit_sdxl", files.result(), short.result().values())
    yield _loading("sdxl.cold.seconds", runs.host, first)
    prompt = edit("motion_edit_sdxl", files.result(), clip.result().values() | values)
    yield from runs.run("sdxl", prompt, "frames between by the net alone")


def _loading(name: str, host: Host, prompt: Prompt) -> Measurement:
    """A first edit, which does not count for the others."""
    run = host.run(with_values(prompt, {"Sampler.steps": 2}))
    return Measurement(name, run.seconds, "s", note="a first edit, of a short clip with 2 steps: it loads the nets")


def _guided(runs: Runs, size: Size, clip: Future[Film]) -> Iterator[Finding]:
    """Frames between that follow the motion. Random pictures show no person, which ``best`` notices after a trial."""
    values = _sd15_values(size, clip.result()) | {"Interpolate.way": "motion", "Upscale.scale": 1.0}
    run = runs.host.run(edit("motion_edit", runs.host.files.result(), values))
    record = runs.host.record(run)
    (stage,) = (one for one in record["stages"] if one["kind"] == "FrugalInterpolate")
    note = "all frames between, by the motion, made no larger; keyframes are from the cache"
    yield Measurement("guided.seconds", stage["seconds"], "s", note=note)
    yield Measurement("guided.net_seconds", stage["net_seconds"], "s", note="of them, in the net; else on the CPU")
    yield runs.facts("guided", record, {})


def refined(prompt: Prompt) -> Prompt:
    """An edit whose sampler has what mode hybrid makes frames between with; the other modes do not look at it."""
    ids = {node["_meta"]["title"]: node_id for node_id, node in prompt.items()}
    prompt[ids["Sampler"]]["inputs"] |= {"interp_model": [ids["RIFE"], 0], "motion": [ids["Smooth Motion"], 0]}
    return prompt


def naive_seconds(host: Host, edited: Prompt, short: Film, size: Size) -> float:
    """What the naive way takes for a clip, by its fixed seconds and those of a step for a batch of frames."""
    fewer, more = size.naive_steps
    took = [
        host.run(naive(edited, short, size.naive_batch, steps, seed)).seconds
        for seed, steps in enumerate((fewer, fewer, more))
    ][1:]
    step = (took[1] - took[0]) / (more - fewer)
    batches = size.seconds * SOURCE_RATE / size.naive_batch
    return max(took[0] + (NAIVE_STEPS - fewer) * step, took[0]) * float(batches)


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


def _faster(runs: Runs, way: str) -> Iterator[Measurement]:
    """How many times as long the naive way takes; nothing if either is not known."""
    if not runs.naive or way not in runs.on_gpu:
        return
    note = "naive sampling over that of the pack, with the VAE"
    yield Measurement(f"naive_over_{way}", runs.naive / runs.on_gpu[way]["Sampler"], "x", GOALS[way], "higher", note)


def _cached(runs: Runs, size: Size, clip: Future[Film]) -> Iterator[Finding]:
    """The edit in mode sparse once more, after ComfyUI has forgotten all that it had in memory."""
    host = runs.host
    prompt = edit("motion_edit", host.files.result(), _sd15_values(size, clip.result()))
    host.ask("/frugal-motion/unload", {"free_memory": True})
    host.until(lambda: not host.ask("/frugal-motion/gpu")["models"])
    run = host.run(with_values(prompt, {"Save Video.filename_prefix": "video/again"}))
    on_gpu = sum(seconds_on_gpu(host.record(run)).values())
    yield Measurement("cached.seconds", run.seconds, "s", note="the same edit once more, from the disk cache")
    yield Measurement("cached.gpu_seconds", on_gpu, "s", 0.0, "lower")
