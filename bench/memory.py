"""Memory to interpolate, upscale and save ten minutes, against ten seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench._compare import result

FOLDER = Path(__file__).resolve().parent


def measure() -> dict[str, dict[str, object]]:
    """MB more at the peak."""
    short, long = (_peak(seconds) for seconds in (10, 600))
    print(f"10 s: {short:.0f} MB, 600 s: {long:.0f} MB", file=sys.stderr)
    growth = result(long - short, "MB", 1000, "make bench ONLY=memory", better="lower")
    return {"memory.ten_minutes_over_ten_seconds": growth}


def _peak(seconds: int) -> float:
    command = [sys.executable, str(FOLDER / "_memory.py"), str(seconds)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent).stdout)
