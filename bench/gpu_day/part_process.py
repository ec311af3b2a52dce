"""``python -m bench.gpu_day.part_process NAME``: the process of a part.

It imports what is slow to import, waits for its setting on stdin, and says what it finds on stdout in lines of JSON:
``{"measurement": {...}}``, ``{"facts": {...}}`` and at last ``{"ended": why}``. When stdin ends it kills its group.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any, TypeAlias

from .measurement import Measurement
from .setting import Setting

Measure: TypeAlias = Callable[[Setting], Iterator["Measurement | dict[str, Any]"]]
"""What a part does: it yields figures and facts as soon as they are known."""

SLOW = ("torch", "torchvision", "scipy.stats", "scipy.integrate", "transformers", "cv2")
"""Imported before the part's turn comes; none of them touches the card."""
TOLD = 1000
"""Characters of an error that are kept, and twice as many of where it came from."""


def main() -> None:
    """Run the part of the pack that the command line names."""
    lines = own_stdout()
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    serve(lines, lambda setting: _part(sys.argv[1], setting)(setting))


def own_stdout() -> IO[str]:
    """This process's stdout; what else is printed, by ComfyUI or a program that is started, goes to stderr from now."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def serve(lines: IO[str], measure: Measure) -> None:
    """Wait for the setting, measure, and tell what is found, or how it failed.

    Args:
        lines: from ``own_stdout``.
        measure: the part.
    """
    first = sys.stdin.readline()
    if not first:
        return
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    why = ""
    try:
        for found in measure(Setting.of_json(first)):
            _say(lines, {"facts": found} if isinstance(found, dict) else {"measurement": asdict(found)})
    except BaseException as error:  # noqa: BLE001  whatever it was, the day tells it
        traceback.print_exc()
        where = "".join(traceback.format_tb(error.__traceback__))
        why = f"{type(error).__name__}: {error}"[:TOLD] + f"\n{where[-2 * TOLD :]}"
    _say(lines, {"ended": why})


def _part(name: str, setting: Setting) -> Measure:
    from tools.pack import import_pack

    import_pack(setting.comfyui, cpu=setting.rehearse)
    measure: Measure = importlib.import_module(f"frugal_motion.bench.gpu_day.{name}").measure
    return measure


def _say(lines: IO[str], what: dict[str, Any]) -> None:
    print(json.dumps(_plain(what), allow_nan=False), file=lines, flush=True)


def _plain(value: Any) -> Any:
    """The same for JSON: numbers of NumPy and PyTorch as ours, what has no place there as text."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    with suppress(TypeError, ValueError, RuntimeError):  # of a tensor with more than one element
        number = float(value)
        return number if math.isfinite(number) else str(number)
    return str(value)


def _end_with_stdin() -> None:
    """Whoever waits for this part has died: nobody else would end it, or the server that it has started."""
    sys.stdin.read()
    if os.name == "nt":
        os._exit(1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
