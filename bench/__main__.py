"""``make bench``: everything beside its baseline, in one run. ``make bench ONLY=motion,pose`` runs a part.

A module of this folder is a group; its ``measure()`` gives results by name. Prints a table and writes
``bench/latest.json``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import TypedDict

FOLDER = Path(__file__).resolve().parent
GROUPS = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")))


class Result(TypedDict):
    """A measurement: which side of ``goal`` is good says ``better`` (``"higher"`` or ``"lower"``)."""

    value: float
    unit: str
    goal: float
    better: str
    command: str


def reached(result: Result) -> bool:
    """Whether the value is on the good side of the goal."""
    higher = result["better"] == "higher"
    return result["value"] >= result["goal"] if higher else result["value"] <= result["goal"]


def table(results: dict[str, Result]) -> str:
    """The results in columns."""
    rows = [("benchmark", "value", "goal", "")]
    for name, result in results.items():
        sign = ">=" if result["better"] == "higher" else "<="
        goal = f"{sign} {result['goal']:g} {result['unit']}"
        rows.append((name, f"{result['value']:.3g} {result['unit']}", goal, "" if reached(result) else "MISSED"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows)
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"groups, separated by commas: {', '.join(GROUPS)}")
    chosen = [name for name in parser.parse_args().only.split(",") if name] or list(GROUPS)
    if unknown := set(chosen) - set(GROUPS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    results: dict[str, Result] = {}
    for group in chosen:
        print(f"--- {group}", file=sys.stderr, flush=True)
        results |= importlib.import_module(f"bench.{group}").measure()
    print(table(results))
    (FOLDER / "latest.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
