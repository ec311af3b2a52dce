"""Whether frames take the look of a picture, where the prompt leaves it open, and still hold their pose."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench._compare import result
from bench._joints import WEIGHTS, locator

FOLDER = Path(__file__).resolve().parent
COMMAND = "make bench ONLY=reference"


def measure() -> dict[str, dict[str, object]]:
    """Share of pictures of the right figure, and how much fewer joints are where they should be than without."""
    locator()
    command: list[str | Path] = [sys.executable, FOLDER / "_reference.py", WEIGHTS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent)
    found = json.loads(done.stdout.splitlines()[-1])
    for name, scores in found.items():
        told = ", ".join(f"{key} {scores[key]:.3f}" for key in ("figure_accuracy", "backdrop_accuracy", "pose_pck"))
        print(f"reference {name}: {told}", file=sys.stderr)
    results = {}
    for look in ("cut_out", "whole"):
        fall = found["none"]["pose_pck"] - found[look]["pose_pck"]
        results[f"reference.figure_accuracy_{look}"] = result(found[look]["figure_accuracy"], "", 0.85, COMMAND)
        results[f"reference.pck_fall_{look}"] = result(fall, "", 0.03, COMMAND, better="lower")
    return results
