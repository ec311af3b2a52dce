"""``python -m bench.gpu_day.part_process NAME``: the process of a part.

It imports what is slow to import, waits for its setting on stdin, and says what it finds on stdout in lines of JSON:
``{"measurement": {...}}``, ``{"facts": {...}}`` and at last ``{"ended": why}``. When stdin ends it kills its group.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from .setting import Setting

SLOW = ("torch", "torchvision", "scipy.stats", "scipy.integrate", "transformers", "cv2")
"""Imported before the part's turn comes; none of them touches the card."""
TOLD = 3000
"""Characters of a traceback that are kept."""


def main() -> None:
    """Run the part."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what ComfyUI and others print is no line of ours
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    first = sys.stdin.readline()
    if not first:
        return
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    why = ""
    try:
        _measure(sys.argv[1], Setting.of_json(first), lines)
    except Exception:  # noqa: BLE001  whatever it was, the day tells it
        traceback.print_exc()
        why = traceback.format_exc()[-TOLD:]
    _say(lines, {"ended": why})


def _measure(name: str, setting: Setting, lines: IO[str]) -> None:
    from tools.pack import import_pack

    import_pack(setting.comfyui, cpu=setting.rehearse)
    part = importlib.import_module(f"frugal_motion.bench.gpu_day.{name}")
    for found in part.measure(setting):
        _say(lines, {"facts": found} if isinstance(found, dict) else {"measurement": asdict(found)})


def _say(lines: IO[str], what: dict[str, Any]) -> None:
    print(json.dumps(what), file=lines, flush=True)


def _end_with_stdin() -> None:
    """Whoever waits for this part has died: nobody else would end it, or the server that it has started."""
    sys.stdin.read()
    if os.name == "nt":
        os._exit(1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
