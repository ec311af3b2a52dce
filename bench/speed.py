"""Several clips in one batch against one after another, in seconds on the CPU. On a card the GPU day measures it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench._compare import result

FOLDER = Path(__file__).resolve().parent
COMMAND = "make bench ONLY=speed"
BATCH_GOAL = 0.95  # a CPU has no idle units for batches to fill


def measure() -> dict[str, dict[str, object]]:
    """Clips per second of the best batch against one clip after another; prints seconds."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_speed.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        "8 clips, seconds by how many are in a batch:",
        {count: round(one, 2) for count, one in seconds.items()},
        file=sys.stderr,
    )
    best = min(value for count, value in seconds.items() if count != "1")
    return {"batch.clips_per_second_ratio": result(seconds["1"] / best, "x", BATCH_GOAL, COMMAND)}
