"""The gateway's end of the fleet: keeps the driver running, and lends its lanes. It imports no ray."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..jobs.workers import WorkerLost
from .about import About
from .order import Order

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent
"""Where ``nodes.fleet.driver`` can be imported from."""
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds until a driver that has ended is started anew; the last one again and again."""
FAREWELL = 8.0
"""Seconds in which a driver ends when its input has."""
LONGEST = 2**30
"""Bytes of a line: outputs may be long."""


@dataclass(frozen=True)
class Seen:
    """A worker that is ready, and whether its machine will be taken away."""

    about: About
    draining: bool = False


@dataclass(frozen=True)
class FleetState:
    """Whether there is a fleet, and if not, why; its workers, and how many more start."""

    up: bool = False
    why: str = "The fleet is being looked for."
    workers: tuple[Seen, ...] = ()
    starting: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> FleetState:
        """From what the driver tells."""
        workers = tuple(Seen(About.of(each), bool(each.get("draining"))) for each in told.get("workers", ()))
        return cls(bool(told["up"]), str(told.get("why", "")), workers, int(told.get("starting", 0)))


def driver_command(address: str) -> list[str]:
    """What starts the driver, in ``ROOT``.

    Args:
        address: Ray's; host and port, or ``"auto"``.
    """
    return [sys.executable, "-m", "nodes.fleet.driver", address]


class Link:
    """A driver that is kept running.

    Args:
        command: what starts it.
        changed: is told when ``state`` is another one.
        pauses: seconds until it is started anew, after the first failure, the second, and so on.
    """

    def __init__(
        self, command: Sequence[str], changed: Callable[[], None] = lambda: None, *, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._command, self._changed, self._pauses = list(command), changed, pauses
        self._state = FleetState()
        self._up = asyncio.Event()
        self._numbers = itertools.count(1)
        self._inboxes: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._input: asyncio.StreamWriter | None = None

    @property
    def state(self) -> FleetState:
        """What the driver has told last."""
        return self._state

    async def run(self) -> None:
        """Keep the driver running until this is cancelled; it has ended then."""
        failures = 0
        try:
            while True:
                was_up, why = await self._one_driver()
                failures = 1 if was_up else failures + 1
                self._lose_all(why)
                await asyncio.sleep(self._pauses[min(failures, len(self._pauses)) - 1])
        finally:
            self._lose_all("The gateway has let go of the fleet.")

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Lane]:
        """A place for one worker; behind the context nothing of it is reserved or runs."""
        lane = Lane(self)
        try:
            yield lane
        finally:
            lane.let_go()

    async def _one_driver(self) -> tuple[bool, str]:
        """Start one, and listen until it has ended; whether there was a fleet, and why it has ended."""
        pipe = asyncio.subprocess.PIPE
        try:
            driver = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=LONGEST
            )
        except (OSError, NotImplementedError) as error:
            return False, f"The driver cannot be started: {error}"
        assert driver.stdin and driver.stdout
        self._input, was_up, last_words = driver.stdin, False, ""
        try:
            async for line in driver.stdout:
                if told := self._hear(line):
                    was_up, last_words = was_up or told.up, told.why
            return was_up, last_words or f"The driver has ended ({await driver.wait()})."
        finally:
            self._input = None
            await asyncio.shield(_end(driver))

    def _hear(self, line: bytes) -> FleetState | None:
        """Pass a line on to its lane, or take what it tells of the fleet."""
        try:
            message = json.loads(line)
            if "fleet" in message:
                told = FleetState.of(message["fleet"])
                self._tell(told)
                return told
            if inbox := self._inboxes.get(message["lane"]):
                inbox.put_nowait(message)
        except (ValueError, TypeError, KeyError, AttributeError):
            logger.warning("the driver of the fleet has said what cannot be read: %.200r", line)
        return None

    def _tell(self, state: FleetState) -> None:
        changed, self._state = state != self._state, state
        if state.up:
            self._up.set()
        else:
            self._up.clear()
        if changed:
            self._changed()

    def _lose_all(self, why: str) -> None:
        for inbox in self._inboxes.values():
            inbox.put_nowait({"over": {"fault": "machine", "why": why}})
        self._inboxes.clear()
        self._tell(FleetState(why=why))

    async def _open(self) -> tuple[int, asyncio.Queue[dict[str, Any]]]:
        """A lane that waits for a worker, as soon as there is a fleet."""
        await self._up.wait()
        number = next(self._numbers)
        inbox = self._inboxes[number] = asyncio.Queue()
        self._say({"lane": number, "do": "reserve"})
        return number, inbox

    def _close(self, number: int) -> None:
        if self._inboxes.pop(number, None):
            self._say({"lane": number, "do": "release"})

    def _say(self, message: Mapping[str, Any]) -> None:
        if self._input and not self._input.is_closing():
            self._input.write(json.dumps(message).encode() + b"\n")


class Lane:
    """A place for one worker, in ``Link.lane()``."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._number = 0
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def free(self) -> About:
        """Wait for a worker that is kept for us then, however long it takes: also until there is a fleet again."""
        self.let_go()
        while True:
            self._number, self._inbox = await self._link._open()
            message = await self._inbox.get()
            if "free" in message:
                return About.of(message["free"])
            self._forget()
            await asyncio.sleep(1)

    async def run(self, order: Order) -> AsyncIterator[dict[str, Any]]:
        """What the worker answers; see ``Order``. Whoever stops listening leaves the lane as well, which cancels it.

        Raises:
            WorkerLost: it has broken off, or had done so before.
        """
        if self._number in self._link._inboxes:  # else it has been lost, which the inbox tells
            self._link._say({"lane": self._number, "do": "run", "order": order.as_dict()})
        while "line" in (message := await self._inbox.get()):
            yield message["line"]
        self._forget()
        over = message["over"]
        if over["fault"]:
            raise WorkerLost(over["why"], over["fault"])

    def let_go(self) -> None:
        """Give up waiting, free the worker, or cancel what it runs."""
        self._link._close(self._number)

    def _forget(self) -> None:
        self._link._inboxes.pop(self._number, None)


async def _end(driver: asyncio.subprocess.Process) -> None:
    """Close its input, and wait until it has ended."""
    assert driver.stdin
    driver.stdin.close()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(driver.wait(), FAREWELL)
        return
    with suppress(ProcessLookupError):
        driver.kill()
    await driver.wait()
