"""How far estimates are from what runs took."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from bench._compare import result

FOLDER = Path(__file__).resolve().parent


def measure() -> dict[str, dict[str, object]]:
    """Median error in percent, each of twelve edits estimated by the runs of the others; prints them all."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_estimate.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    pairs = json.loads(done.stdout.splitlines()[-1])
    for expected, took in pairs:
        print(f"expected {expected:6.1f} s, took {took:6.1f} s: {expected / took - 1:+.0%}", file=sys.stderr)
    error = 100 * statistics.median(abs(expected / took - 1) for expected, took in pairs)
    return {"economy.estimate_error": result(error, "%", 20.0, "make bench ONLY=estimate", better="lower")}
