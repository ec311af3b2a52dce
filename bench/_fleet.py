"""Simulated days, in a process of their own because they take the pack as ComfyUI imports it; see ``fleet.py``."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve(), cpu=True)

from frugal_motion.bench._fleet_day import HOUR, Day, simulated  # noqa: E402
from frugal_motion.nodes.economy.prices import cards  # noqa: E402

CARD = "RTX 4090"
PATIENT = Day(target=4)
DAYS = {
    "target 1": replace(PATIENT, target=1),
    "target 2": replace(PATIENT, target=2),
    "target 4": PATIENT,
    "target 4, no batches": replace(PATIENT, batch=1),
    "target 4, any checkpoint": replace(PATIENT, prefers_loaded=False),
    "target 4, 10 kills an hour": replace(PATIENT, kills=10.0),
}


def told(day: Day) -> dict[str, float]:
    """Let a day pass and tell it in figures, times in seconds; a wait is until a job begins."""
    logging.disable(logging.WARNING)  # of each batch that is lost with its machine
    spot = next(card.spot for card in cards() if card.name == CARD)
    started = time.perf_counter()
    seen = simulated(day)
    waits, clients = seen.waits(), seen.mean_waits()
    return {
        "lost": len(seen.never_ended),
        "failed": len(seen.failed),
        "doubled": len(seen.doubled),
        "dollars": seen.rented / HOUR * spot / day.jobs * 1000,
        "median": waits[len(waits) // 2],
        "p95": waits[int(len(waits) * 0.95)],
        "longest": waits[-1],
        "worst client": clients[-1],
        "median client": clients[len(clients) // 2],
        "clips a batch": seen.mean_size,
        "loads": seen.loads,
        "starts": seen.starts,
        "kills": seen.kills,
        "batches lost": seen.lost,
        "simulated in": time.perf_counter() - started,
    }


def main() -> None:
    """Print the figures of all days as JSON, by name."""
    processes = min(os.cpu_count() or 1, len(DAYS))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        print(json.dumps(dict(zip(DAYS, pool.map(told, DAYS.values()), strict=True))))


if __name__ == "__main__":
    main()
