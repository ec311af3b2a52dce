"""A gateway that is killed at any line of what it does for a batch: the next one ends all jobs, each once."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pytest

from frugal_motion.nodes.fleet import gateway as gateway_module
from frugal_motion.nodes.jobs import job_store, runner
from frugal_motion.nodes.jobs.job import ENDED
from frugal_motion.nodes.server.job_routes import _remove_half_done

from .test_gateway import Gateway, done

FILES = frozenset(module.__file__ for module in (gateway_module, runner, job_store))
JOBS = ("a.mp4", "b.mp4", "c.mp4")


class Died(BaseException):
    """As if the process had been killed."""


class Killer:
    """Lets nothing more be done behind the so-manieth line, in no thread: also what would tidy up."""

    def __init__(self, lines: int) -> None:
        self.lines, self.count = lines, 0

    @property
    def has_killed(self) -> bool:
        return self.count >= self.lines

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._line if frame.f_code.co_filename in FILES else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.has_killed:
                raise Died
        return self._line

    @contextmanager
    def lurking(self) -> Iterator[None]:
        threading.settrace(self)
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]


def work_until_killed(here: Gateway, killer: Killer) -> None:
    """Work until all jobs have ended and all is tidy, or the killer has come."""

    def all_ended() -> bool:
        states = here.store._file.execute("select state from jobs").fetchall()
        return all(state in ENDED for (state,) in states)

    async def work() -> None:
        running = asyncio.create_task(here.runner.run())
        while not killer.has_killed and not (all_ended() and not here.cluster.held):
            await asyncio.sleep(0)
        if killer.has_killed:
            raise Died
        running.cancel()

    with killer.lurking(), suppress(Died, asyncio.CancelledError):
        asyncio.run(asyncio.wait_for(work(), 20))
    here.store.close()
    here.ledger.close()


def started(folder: Path) -> Gateway:
    here = Gateway(folder, done)
    _remove_half_done(here.store, here.outputs)
    return here


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0.01)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # who is killed ends nothing as he should


def test_nothing_is_lost_doubled_or_left_half(tmp_path: Path) -> None:
    def in_folder(name: str) -> Gateway:
        (tmp_path / name).mkdir()
        here = started(tmp_path / name)
        here.add(*JOBS)
        return here

    work_until_killed(in_folder("whole"), whole := Killer(10**9))
    assert whole.count > 500, "there is something to be killed in"
    for lines in sorted(Random(0).sample(range(1, whole.count), 25)):
        work_until_killed(in_folder(str(lines)), Killer(lines))
        here = started(tmp_path / str(lines))
        here.work()
        assert {job.state for job in here.store.newest(9)} == {"done"}, lines
        names = [job.partition(".")[0] for job in JOBS]
        assert here.left() == [f"{name}/x_00001_.mp4" for name in names], lines
        assert sorted(path.name for path in here.outputs.iterdir()) == names, lines
        assert [(here.outputs / name / "x_00001_.mp4").read_text() for name in names] == [f"whole {n}" for n in names]
        here.store.close()
        here.ledger.close()
