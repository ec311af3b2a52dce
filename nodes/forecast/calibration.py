"""How fast this machine is, by the runs that it has done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..economy.run_keeper import stored_runs
from ..errors import InputError
from .edit_work import FIGURES, GPU_STAGES, cpu_frames
from .throughput import Measured
from .walk import Planned, planned

LATEST = 40
_OF_SAMPLER = ("encode", "sample", "decode")


def measured_runs() -> list[Measured]:
    """Stages of the latest runs."""
    return [measured for record in stored_runs().newest(LATEST) for measured in measured_of(record)]


def measured_of(record: Mapping[str, Any]) -> list[Measured]:
    """Stages of a run, by its record: what they took, without the loading of models, for how much work.

    Nothing of a run that failed, or whose workflow cannot be read any more.
    """
    if record.get("status") != "success" or not record.get("prompt"):
        return []
    try:
        found = work_of(json.dumps(record["prompt"], sort_keys=True))
    except InputError:
        return []
    return list(_measured(record, found))


@lru_cache(maxsize=LATEST)
def work_of(prompt: str) -> Planned:
    """What a prompt does, whatever a cache has of it by now; the prompt is JSON, so that it can be remembered by it."""
    return planned(json.loads(prompt), looks_into_cache=False)  # what it has now it had not before the run


def _measured(record: Mapping[str, Any], found: Planned) -> Iterator[Measured]:
    done, on_cpu, took = found.work(), cpu_frames(found.job), _seconds(record, found.stages)
    for stage, (device, seconds) in took.items():
        if stage in on_cpu:
            yield Measured(stage, "cpu", 0.0, on_cpu[stage], seconds)
        elif stage in done:
            names = [stage, *(name for name in _OF_SAMPLER if stage == "sample" and name not in took)]
            parts = [done[name] for name in names if name in done]  # ComfyUI's VAE nodes have seconds of their own
            if all(part.flops is not None for part in parts):
                flops = sum(part.flops or 0.0 for part in parts)
                if flops:  # else of a model that nobody knows
                    yield Measured(stage, device, flops, done[stage].frames, seconds)


def _seconds(record: Mapping[str, Any], stages: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """By stage, on which device and how long, of those that really ran, for all clips."""
    found: dict[str, tuple[str, float]] = {}
    for cost in record["stages"]:
        stage = stages.get(cost["kind"])
        if stage is None or cost["cached"] or cost.get("hits"):
            continue
        device = record["card"] if stage in GPU_STAGES else "cpu"
        in_net = cost.get("net_seconds", 0.0)  # not in records of earlier versions
        parts = [(stage, device, (in_net or cost["gpu_seconds"] or cost["seconds"]) - cost["load_seconds"])]
        parts += [(FIGURES, "cpu", cost["seconds"] - in_net)] if in_net else []
        for name, where, seconds in parts:
            found[name] = where, found.get(name, ("", 0.0))[1] + max(seconds, 0.0)
    return found
