"""Several clips in one batch against one after another, and on a GPU whole edits against the naive way, in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
COMMAND = "make bench ONLY=speed"
BATCH_GOAL = {True: 1.43, False: 0.95}  # with and without a GPU: a CPU has no idle units for batches to fill


def measure() -> dict[str, dict[str, object]]:
    """Ratios; prints seconds and memory."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_speed.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    found = json.loads(done.stdout.splitlines()[-1])
    print(table(found), file=sys.stderr)
    seconds = {count: one["seconds"] for count, one in found["batches"].items()}
    is_gpu = found["device"] != "cpu"
    batched = seconds["1"] / min(value for count, value in seconds.items() if count != "1")
    results = {"batch.clips_per_second_ratio": _result(batched, BATCH_GOAL[is_gpu])}
    ways = {way: one["seconds"] for way, one in found["ways"].items()}
    return results | {
        f"speed.naive_over_{way}": _result(ways["naive"] / ways[way], goal)
        for way, goal in (("sparse", 15.0), ("hybrid", 8.0), ("dense", 4.0))
        if way in ways
    }


def _result(value: float, goal: float) -> dict[str, object]:
    return {"value": value, "unit": "x", "goal": goal, "better": "higher", "command": COMMAND}


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """Seconds and memory, in columns of Markdown."""
    lines = [f"| on {found['device']} | seconds | GiB |", "| --- | --- | --- |"]
    rows = {f"8 clips, {count} at a time": one for count, one in found["batches"].items()} | found["ways"]
    return "\n".join([*lines, *(f"| {name} | {one['seconds']:.2f} | {one['gib']:.2f} |" for name, one in rows.items())])
