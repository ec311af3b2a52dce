"""Parts as processes: each ends alone, whatever becomes of it, and takes all that it has started with it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from .day import Ended, Found
from .measurement import Measurement
from .parts import Part
from .setting import Setting

ROOT = Path(__file__).resolve().parents[2]


class Processes:
    """Starts parts; the next one imports PyTorch while the one before it works.

    Args:
        parts: in their order.
        setting: of all of them.
        log: what they print goes there.
    """

    def __init__(self, parts: Sequence[Part], setting: Setting, log: IO[bytes]) -> None:
        self._order = [part.name for part in parts]
        self._setting, self._log = setting, log
        self._ready: dict[str, PartAtWork] = {}

    def start(self, part: Part, seconds: float) -> PartAtWork:
        """Let a part begin, that will be stopped after ``seconds``."""
        process = self._ready.pop(part.name, None) or PartAtWork(part.name, self._log)
        process.begin(replace(self._setting, seconds=seconds))
        for name in self._order[self._order.index(part.name) + 1 :][:1]:
            self._ready[name] = PartAtWork(name, self._log)
        return process

    def close(self) -> None:
        """End what waits to begin."""
        for process in self._ready.values():
            process.stop()


class PartAtWork:
    """The process of a part, which waits until ``begin``."""

    def __init__(self, name: str, log: IO[bytes]) -> None:
        command = [sys.executable, "-m", "bench.gpu_day.part_process", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, start_new_session=True
        )
        self._events: queue.Queue[Found | Ended] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def begin(self, setting: Setting) -> None:
        """Let it work. If it has died by now, ``next`` says so."""
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{setting.as_json()}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def next(self, seconds: float) -> Found | Ended | None:
        """What it finds next; ``None`` if that takes longer than ``seconds``."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """End it, with all that it has started."""
        _kill_group(self._process)
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            with suppress(BrokenPipeError):  # it died before it read what was written
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._events.put(_event(json.loads(line)))
        self._events.put(Ended(f"its process ended with status {self._process.wait()}"))


def _event(line: dict[str, object]) -> Found | Ended:
    match line:
        case {"measurement": dict(values)}:
            return Found(measurement=Measurement(**values))
        case {"facts": dict(values)}:
            return Found(facts=values)
        case {"ended": str(why)}:
            return Ended(why)
    raise ValueError(f"no line of a part: {line}")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
