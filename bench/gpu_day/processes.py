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
OF_PACK = (sys.executable, "-m", "bench.gpu_day.part_process")
GRACE = 10.0
"""Seconds that are waited for a process that was killed: its driver may have much to put away."""


class Processes:
    """Starts parts; the next one imports PyTorch while the one before it works.

    Args:
        parts: in their order.
        setting: of all of them.
        log: what they print goes there.
        command: to which the name of a part is added; see ``part_process``.
    """

    def __init__(
        self, parts: Sequence[Part], setting: Setting, log: IO[bytes], command: Sequence[str] = OF_PACK
    ) -> None:
        self._order = [part.name for part in parts]
        self._setting, self._log, self._command = setting, log, command
        self._ready: dict[str, PartAtWork] = {}

    def start(self, part: Part, seconds: float) -> PartAtWork:
        """Let a part begin, that will be stopped after ``seconds``.

        Raises:
            OSError: it cannot be started.
        """
        process = self._ready.pop(part.name, None) or self._process(part.name)
        process.begin(replace(self._setting, seconds=seconds))
        for name in self._order[self._order.index(part.name) + 1 :][:1]:
            with suppress(OSError):  # then it is tried again in its turn
                self._ready[name] = self._process(name)
        return process

    def close(self) -> None:
        """End what waits to begin."""
        while self._ready:
            self._ready.popitem()[1].stop()

    def _process(self, name: str) -> PartAtWork:
        return PartAtWork([*self._command, name], self._log)


class PartAtWork:
    """The process of a part, which waits until ``begin``.

    Args:
        command: that starts it.
        log: what it prints goes there.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, start_new_session=True
        )
        self._events: queue.Queue[Found | Ended] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def begin(self, setting: Setting) -> None:
        """Let it work. If it has died by now, ``next`` says so."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{setting.as_json()}\n".encode())
            self._process.stdin.flush()

    def next(self, seconds: float) -> Found | Ended | None:
        """What it finds next; ``None`` if that takes longer than ``seconds``."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """End it, with all that it has started. One that does not die of it is left behind after ``GRACE``."""
        _kill_group(self._process)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._reader.join(GRACE)
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):  # it died before it read what was written
            self._process.stdin.close()
        if not self._reader.is_alive():  # else closing would wait for it
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            event = _event(line)
            self._events.put(event)
            if isinstance(event, Ended):
                return
        self._events.put(Ended(f"its process ended with status {self._process.wait()}"))


def _event(line: bytes) -> Found | Ended:
    """What a line of a part says; the end of the part, if it says nothing that can be understood."""
    try:
        match json.loads(line):
            case {"measurement": dict(values)}:
                return Found(measurement=Measurement(**values))
            case {"facts": dict(values)}:
                return Found(facts=values)
            case {"ended": str(why)}:
                return Ended(why)
    except (ValueError, TypeError) as error:
        return Ended(f"it said {line[:200]!r}: {error}")
    return Ended(f"it said {line[:200]!r}")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
