"""The work of an edit of 10 seconds, against what people do: rows counted in the samplers times FLOPs per row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
COMMAND = "make bench ONLY=work"
GOALS = {"sparse": 20.0, "hybrid": 10.0, "dense": 6.0}


def measure() -> dict[str, dict[str, object]]:
    """How many times the FLOPs of an edit the naive way takes (SD 1.5 at 512 x 512); prints the whole table."""
    done = subprocess.run(
        [sys.executable, FOLDER / "_rows.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    counted = json.loads(done.stdout.splitlines()[-1])
    work = {
        (family, size): {way: rows["unet"] * unet + rows["control"] * control for way, rows in counted["rows"].items()}
        for family, sizes in counted["flops"].items()
        for size, (unet, control) in sizes.items()
    }
    print(table(counted["rows"], work), file=sys.stderr)
    ways = work["SD 1.5", "512"]
    return {
        f"work.naive_over_{way}": {
            "value": ways["naive"] / ways[way],
            "unit": "x",
            "goal": goal,
            "better": "higher",
            "command": COMMAND,
        }
        for way, goal in GOALS.items()
    }


def table(rows: dict[str, dict[str, int]], work: dict[tuple[str, str], dict[str, float]]) -> str:
    """Rows, and PFLOP by family and size, in columns of Markdown."""
    head = ["", "UNet rows", "ControlNet rows", *(f"{family}, {size} px: PFLOP" for family, size in work)]
    lines = [
        [way, f"{count['unet']:,}", f"{count['control']:,}", *(f"{ways[way] / 1e15:,.1f}" for ways in work.values())]
        for way, count in rows.items()
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])
