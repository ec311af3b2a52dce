"""Run a trainer to its end, through interruptions."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch


class Trainer(Protocol):
    """Something that learns step by step. Step ``n`` is the same whenever it is run."""

    steps: int

    def step(self, index: int) -> dict[str, float]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


def run(
    trainer: Trainer,
    folder: Path,
    name: str,
    *,
    every: int = 250,
    on_checkpoint: Callable[[int], None] = lambda step: None,
) -> None:
    """Train, or go on from the last checkpoint.

    Args:
        folder: for ``NAME.pt`` (the checkpoint) and ``NAME.jsonl`` (a line per 50 steps).
        every: steps between checkpoints.
        on_checkpoint: called after each, with the steps done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, log = folder / f"{name}.pt", folder / f"{name}.jsonl"
    done = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        trainer.load_state_dict(state["trainer"])
        done = state["step"]
    recent: list[dict[str, float]] = []
    started = time.monotonic()
    for index in range(done, trainer.steps):
        recent.append(trainer.step(index))
        if (index + 1) % 50 == 0:
            means = {key: _mean([values[key] for values in recent]) for key in recent[0]}
            line = {"step": index + 1, **means, "seconds_per_step": (time.monotonic() - started) / len(recent)}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(
                f"{name} " + " ".join(f"{key} {value:.4g}" for key, value in line.items() if value is not None),
                flush=True,
            )
            recent, started = [], time.monotonic()
        if (index + 1) % every == 0 or index + 1 == trainer.steps:
            _save({"step": index + 1, "trainer": trainer.state_dict()}, checkpoint)
            on_checkpoint(index + 1)


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else None


def _save(state: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)
