"""What the cost meter itself takes of a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench._compare import result

FOLDER = Path(__file__).resolve().parent


def measure() -> dict[str, dict[str, object]]:
    """Percent of the lightest run there is: a clip that is decoded and encoded."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_meter.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{found['microseconds']:.0f} us a stage, {found['stages']} in {found['seconds']:.1f} s", file=sys.stderr)
    return {"economy.meter_overhead": result(found["share"] * 100, "%", 1.0, "make bench ONLY=meter", better="lower")}
