"""What working ahead saves: the CPU prepares the next job while the GPU has this one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .measurement import Finding, Measurement
from .serving import Film, Host, RunFailedError, base_of, edit, film, seconds_on_gpu, serving
from .setting import Setting

APART = 0.04
"""Seconds from the start of a job's clip to that of the next: so that no two are of the same frames."""


@dataclass(frozen=True)
class Size:
    """How large the jobs are.

    Attributes:
        jobs: one after the other.
        width, height: pixels of the file, as a camera makes it.
        side: pixels that it is worked on at; it is cropped to a square.
        seconds: of the clip of each job.
        steps: of the sampler.
    """

    jobs: int = 3
    width: int = 1920
    height: int = 1080
    side: int = 512
    seconds: float = 3.0
    steps: int = 8

    @property
    def file_seconds(self) -> float:
        """Of the file from which all jobs, of both ways, take their clips, and one before them."""
        return self.seconds + APART * (2 * self.jobs + 1)


SMALL = Size(2, 128, 72, 32, 0.5, 2)
PART = "working_ahead"
DONE = "Plan Keyframes, which decodes the whole clip to look for cuts; not Extract Pose, the dearest on the CPU"


def measure(setting: Setting) -> Iterator[Finding]:
    """Seconds of some jobs, each a run of its own, without working ahead and with it."""
    size = SMALL if setting.rehearse else Size()
    alone = {"jobs_batch": 1, "jobs_window_seconds": 0.0, "idle_minutes": 0}
    with ThreadPoolExecutor(1) as films:
        base = base_of(setting, PART)
        made = films.submit(film, base, "camera", size.file_seconds, size.width, size.height, size.seconds)
        with serving(setting, PART, "SD 1.5", jobs_ahead="off", **alone) as host:
            clip = made.result()
            work(host, clip, size, range(1))  # loads the nets
            took = {}
            for way, first in (("off", 1), ("on", 1 + size.jobs)):
                host.set(jobs_ahead=way)
                seconds, on_gpu, waited = work(host, clip, size, range(first, first + size.jobs))
                took[way] = seconds
                yield Measurement(f"{way}.seconds", seconds, "s", note=f"{size.jobs} jobs of {size.seconds:g} s each")
                note = "of these seconds; stages that wait for the CPU meanwhile count as work"
                yield Measurement(f"{way}.idle_gpu", 100 * (1 - on_gpu / seconds), "%", note=note)
                yield Measurement(f"{way}.planning", waited, "s", note="of these, on Load Video and Plan Keyframes")
            note = f"the first of {size.jobs} jobs has none before it; done ahead: {DONE}"
            yield Measurement("speed", took["off"] / took["on"], "x", note=note)


def work(host: Host, clip: Film, size: Size, numbers: range) -> tuple[float, float, float]:
    """Have jobs done.

    Returns:
        Seconds in all, seconds of the GPU, and seconds in which a run waited for what could be done ahead.
    """
    known = {record["run"] for record in host.newest()}
    started = time.perf_counter()
    jobs = [
        host.ask("/frugal-motion/jobs", {"workflow": job(host, clip, size, number)})["job_id"] for number in numbers
    ]
    while jobs:
        state = host.ask(f"/frugal-motion/jobs/{jobs[0]}")
        if state["state"] in ("failed", "cancelled"):
            raise RunFailedError(f"job {jobs[0]}: {state['error']}")
        if state["state"] == "done":
            jobs.pop(0)
        else:
            time.sleep(0.02)
    seconds = time.perf_counter() - started
    host.until(lambda: len({record["run"] for record in host.newest()} - known) == len(numbers))
    records = [record for record in host.newest() if record["run"] not in known]
    on_gpu = sum(sum(seconds_on_gpu(record).values()) for record in records)
    ahead = sum(
        stage["seconds"]
        for record in records
        for stage in record["stages"]
        if stage["kind"] in ("FrugalLoadVideo", "FrugalPlanKeyframes")
    )
    return seconds, on_gpu, ahead


def job(host: Host, clip: Film, size: Size, number: int) -> dict[str, Any]:
    """A job whose clip no other one has."""
    values = {
        "Load Video.start": number * APART,
        "Load Video.duration": size.seconds,
        "Sampler.steps": size.steps,
        "Sampler.seed": number,
        "Upscale.scale": 1.0,
        "Interpolate.way": "net alone",
    }
    return edit("motion_edit", host.files.result(), clip.values(size.side) | values)
