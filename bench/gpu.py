"""The GPU day: ``python bench/gpu.py --seconds 420``; a group of ``make bench`` where there is an NVIDIA card.

Results go to ``bench/results/<card>.json``, after every measurement. ``--rehearse`` runs every path with tiny nets on
the CPU instead. On a machine without a network, start it by what ``make gpu-day`` packs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from bench.gpu_day import day, machine, results  # noqa: E402
from bench.gpu_day.measurement import Measurement  # noqa: E402
from bench.gpu_day.parts import PARTS, Part  # noqa: E402
from bench.gpu_day.processes import Processes  # noqa: E402
from bench.gpu_day.results import PartResult, Results  # noqa: E402
from bench.gpu_day.setting import Setting  # noqa: E402

RESULTS = ROOT / "bench" / "results"
SECONDS = 420.0
COMMAND = "make bench ONLY=gpu"


def measure() -> dict[str, dict[str, object]]:
    """Figures that have a goal; nothing without an NVIDIA card."""
    if not machine.cards("name"):
        print("left out: no NVIDIA card; python bench/gpu.py --rehearse runs it on the CPU", file=sys.stderr)
        return {}
    found = run(PARTS, SECONDS)
    return {
        f"gpu.{part.name}.{one.name}": {
            "value": one.value,
            "unit": one.unit,
            "goal": one.goal,
            "better": one.better,
            "command": COMMAND,
        }
        for part in found.parts
        for one in part.measurements
        if one.goal is not None
    }


def run(parts: Sequence[Part], seconds: float, *, rehearse: bool = False, path: Path | None = None) -> Results:
    """A GPU day, or some parts of one.

    Args:
        parts: what to measure. What the file has of other parts stays, if it is of the same card, driver and versions.
        seconds: for all of them.
        rehearse: tiny nets on the CPU.
        path: of the results; by default ``bench/results/<card>.json``. What parts print is in the ``.log`` beside it.

    Returns:
        What is in the file at the end.
    """
    comfyui = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
    about = machine.about(comfyui)
    path = path or RESULTS / machine.file_name("rehearsal" if rehearse else about["card"])
    path = path.resolve()  # parts work elsewhere
    path.parent.mkdir(parents=True, exist_ok=True)
    before = results.before(parts, about, rehearse, seconds, _earlier(path) if len(parts) < len(PARTS) else None)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        path.with_suffix(".log").open("wb") as log,
    ):
        setting = Setting(rehearse, seconds, comfyui, ROOT / ".assets", Path(scratch), path.resolve())
        processes = Processes(parts, setting, log)
        try:
            return day.run(before, parts, processes, path)
        finally:
            processes.close()


def _earlier(path: Path) -> Results | None:
    try:
        return results.read(path)
    except (OSError, ValueError):
        return None


def line(part: PartResult, one: Measurement) -> str:
    """A measurement in words."""
    goal = f"  (goal {'>=' if one.better == 'higher' else '<='} {one.goal:g})" if one.goal is not None else ""
    missed = "  MISSED" if one.is_reached is False else ""
    return f"{part.name}.{one.name}: {one.value:.4g} {one.unit}{goal}{missed}"


def main() -> int:
    """Command line; fails if a part failed, or in a rehearsal was not done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all of it (%(default)g)")
    parser.add_argument("--rehearse", action="store_true", help="every path, with tiny nets on the CPU")
    parser.add_argument(
        "--only",
        default="",
        help="parts, separated by commas; others that the file has stay there, if card, driver and versions are the "
        f"same: {', '.join(part.name for part in PARTS)}",
    )
    parser.add_argument("--out", type=Path, help="file of the results")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    if unknown := set(wanted) - {part.name for part in PARTS}:
        parser.error(f"--only: found {', '.join(sorted(unknown))}; allowed: {', '.join(p.name for p in PARTS)}")
    if not options.rehearse and not machine.cards("name"):
        parser.error("no NVIDIA card is there; --rehearse runs it on the CPU")
    parts = [part for part in PARTS if not wanted or part.name in wanted]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that nothing is left behind
    found = run(parts, options.seconds, rehearse=options.rehearse, path=options.out)
    ran = [found.part(part.name) for part in parts]
    for part in ran:
        why = part.why.partition("\n")[0][:300]
        print(f"--- {part.name}: {part.state}, {part.seconds:.0f} s{f': {why}' if why else ''}")
        print("".join(f"{line(part, one)}\n" for one in part.measurements), end="")
    good = {"done"} if options.rehearse else {"done", "cut"}
    return int(any(part.state not in good for part in ran))


if __name__ == "__main__":
    sys.exit(main())
