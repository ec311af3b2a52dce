"""A simulated day of a fleet of spot machines: nothing is lost or doubled, what clips cost and how long they wait."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from bench._compare import result

FOLDER = Path(__file__).resolve().parent
COMMAND = "make bench ONLY=fleet"
SETTINGS = {"target 1": (6.5, 60.0), "target 2": (4.0, 200.0), "target 4": (2.9, 900.0)}
"""By setting, the dollars per 1000 clips and the 95th percentile of waits in seconds that must not be passed."""


def measure() -> dict[str, dict[str, object]]:
    """Results of all days; prints a table of them. Nothing where there is no Ray."""
    if find_spec("ray") is None:
        print("left out: it takes Ray, which `make setup` brings", file=sys.stderr)
        return {}
    done = subprocess.run(
        [sys.executable, FOLDER / "_fleet.py"], stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER.parent
    )
    days = json.loads(done.stdout.splitlines()[-1])
    print(table(days), file=sys.stderr)
    results = {
        f"fleet.jobs_{fate}": _lower(sum(day[fate] for day in days.values()), "jobs", 0)
        for fate in ("lost", "failed", "doubled")
    }
    for name, (dollars, seconds) in SETTINGS.items():
        setting = name.replace(" ", "_")
        results[f"fleet.{setting}.per_1000_clips"] = _lower(days[name]["dollars"], "$", dollars)
        results[f"fleet.{setting}.p95_wait"] = _lower(days[name]["p95"], "s", seconds)
    day, alone, anything = (days[f"target 4{other}"] for other in ("", ", no batches", ", any checkpoint"))
    return results | {
        "fleet.dollars_without_batches_over_with": result(alone["dollars"] / day["dollars"], "x", 1.43, COMMAND),
        "fleet.loads_of_any_job_over_of_fitting": result(anything["loads"] / day["loads"], "x", 1.0, COMMAND),
        "fleet.wait_of_worst_client_over_median": _lower(day["worst client"] / day["median client"], "x", 4.0),
    }


def _lower(value: float, unit: str, goal: float) -> dict[str, object]:
    return result(value, unit, goal, COMMAND, better="lower")


def table(days: dict[str, dict[str, float]]) -> str:
    """All figures, in columns of Markdown."""
    names = list(next(iter(days.values())))
    lines = [["", *names], ["---"] * (len(names) + 1)]
    lines += [[name, *(f"{value:.4g}" for value in day.values())] for name, day in days.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
