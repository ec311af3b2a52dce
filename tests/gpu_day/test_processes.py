"""Parts as real processes: they end alone, however they end, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.bench.gpu_day import day, results
from frugal_motion.bench.gpu_day.parts import Part
from frugal_motion.bench.gpu_day.processes import PartAtWork, Processes
from frugal_motion.bench.gpu_day.results import PartResult
from frugal_motion.bench.gpu_day.setting import Setting

COMMAND = (sys.executable, str(Path(__file__).with_name("stand_in.py")))
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no groups of processes")
LONG = 120.0
"""Seconds of patience with machines that are busy."""


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(True, 0.0, tmp_path, tmp_path, tmp_path, tmp_path / "card.json")


@pytest.fixture
def ran(setting: Setting) -> Iterator[Callable[..., list[PartResult]]]:
    """Runs parts by their names, each with as many seconds."""

    def run(*names: str, seconds: float = LONG) -> list[PartResult]:
        parts = [Part(name, name, 1.0) for name in names]
        with (setting.scratch / "log").open("wb") as log:
            processes = Processes(parts, setting, log, COMMAND)
            try:
                before = results.before(parts, {}, True, seconds * len(names))
                found = day.run(before, parts, processes, setting.results)
            finally:
                processes.close()
        assert results.read(setting.results) == found
        return list(found.parts)

    return run


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(met: Callable[[], Any]) -> Any:
    end = time.monotonic() + LONG
    while not (found := met()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


def test_what_a_part_says_arrives_and_what_it_prints_does_not(ran: Any, setting: Setting) -> None:
    (found,) = ran("works")
    assert (found.state, found.why) == ("done", "")
    assert [(one.name, one.value) for one in found.measurements] == [("seconds", found.share)], "it is told its share"
    assert found.facts == {"facts": [1, "nan", "a", None]}, "numbers that JSON has not are text"
    log = (setting.scratch / "log").read_text()
    assert "what a library prints" in log and "what a program prints" in log


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raises", "ArithmeticError: the card is not there"),
        ("leaves", "SystemExit: 3"),
        ("exits", "its process ended with status 7"),
        ("dies", f"its process ended with status -{int(signal.SIGABRT)}"),
        ("speaks", "it said b'not a line of ours"),
    ],
)
def test_a_part_that_fails_says_why_and_the_next_one_works(name: str, why: str, ran: Any) -> None:
    failed, works = ran(name, "works")
    assert failed.state == "failed" and why in failed.why.splitlines()[0]
    assert len(failed.measurements) == 1, "what it had found stays"
    assert works.state == "done"


def test_a_part_that_cannot_be_started_fails_alone(setting: Setting) -> None:
    parts = [Part("a", "A", 1.0), Part("b", "B", 1.0)]
    with (setting.scratch / "log").open("wb") as log:
        processes = Processes(parts, setting, log, [str(setting.scratch / "no such program")])
        found = day.run(results.before(parts, {}, True, 9.0), parts, processes, setting.results)
    assert [part.state for part in found.parts] == ["failed", "failed"]
    assert "no such program" in found.parts[0].why


def test_a_part_that_hangs_is_stopped_with_all_that_it_has_started(setting: Setting) -> None:
    with (setting.scratch / "log").open("wb") as log:
        part = PartAtWork([*COMMAND, "hangs"], log)
        part.begin(setting)
        found = part.next(LONG), part.next(LONG)
        pids = [int(pid) for pid in (setting.scratch / "pids").read_text().split()]
        assert part.next(0.1) is None and all(map(is_alive, pids))
        part.stop()
    assert found[1] == day.Found(facts={"child": pids[1]})
    until(lambda: not any(map(is_alive, pids)))


def test_a_program_that_a_part_has_left_behind_ends_with_it(ran: Any) -> None:
    found, _ = ran("starts", "works")
    assert found.state == "done"
    until(lambda: not is_alive(found.facts["child"]))


def test_the_next_part_waits_ready(setting: Setting) -> None:
    parts = [Part("works", "W", 1.0), Part("works again", "W", 1.0)]
    with (setting.scratch / "log").open("wb") as log:
        processes = Processes(parts, setting, log, COMMAND)
        first = processes.start(parts[0], 1.0)
        (waiting,) = processes._ready.values()
        assert processes.start(parts[1], 1.0) is waiting and not processes._ready
        for one in (first, waiting):
            one.stop()
            one.stop()
        processes.close()


def test_a_part_that_waits_does_nothing_and_ends_when_it_is_not_wanted(setting: Setting) -> None:
    with (setting.scratch / "log").open("wb") as log:
        waiting = PartAtWork([*COMMAND, "works"], log)
        assert waiting.next(0.5) is None
        waiting.stop()
    assert waiting._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_parts_end_with_the_day_and_the_file_stays_valid(how: int, tmp_path: Path) -> None:
    started = subprocess.Popen([*COMMAND, "day", str(tmp_path)])
    try:
        pids = [
            int(pid) for pid in until(lambda: (tmp_path / "pids").is_file() and (tmp_path / "pids").read_text()).split()
        ]
        until(lambda: results.read(tmp_path / "card.json").part("hangs").facts)
        waiting = [int(pid) for pid in children(started.pid) if int(pid) not in pids]
        assert all(map(is_alive, pids)) and len(waiting) <= 1
    finally:
        started.send_signal(how)
        started.wait()
    try:
        until(lambda: not any(map(is_alive, [*pids, *waiting])))
    finally:
        for pid in filter(is_alive, [*pids, *waiting]):
            os.kill(pid, signal.SIGKILL)
    found = results.read(tmp_path / "card.json")
    assert [part.state for part in found.parts] == ["done", "running", "waiting"]
    assert found.part("works").measurements and found.part("hangs").measurements


def children(pid: int) -> list[str]:
    """Of a process, where the system tells."""
    told = Path(f"/proc/{pid}/task/{pid}/children")
    return told.read_text().split() if told.is_file() else []
