"""What anchor attention does for the likeness of keyframes, where the prompt leaves much open."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
COMMAND = "make bench ONLY=anchors"


def measure() -> dict[str, dict[str, object]]:
    """How many times less what does not move flickers with anchor 1 than without."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_anchors.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    flicker = json.loads(done.stdout.splitlines()[-1])
    print(", ".join(f"anchor {anchor}: {value:.2f} of 255" for anchor, value in flicker.items()), file=sys.stderr)
    ratio = flicker["0.0"] / flicker["1.0"]
    return {"anchors.less_flicker": {"value": ratio, "unit": "x", "goal": 1.5, "better": "higher", "command": COMMAND}}
