"""The fleet's driver: a process of its own, which joins Ray for a gateway that talks to it in JSON lines.

A driver dies with its raylet, and the gateway must not. Lines it reads, of *lanes* that the gateway numbers:

    {"lane": 1, "do": "reserve"}, {"lane": 1, "do": "run", "order": …}, {"lane": 1, "do": "release"}

Lines it writes; ``over`` is the last of a lane:

    {"lane": 1, "free": about}, {"lane": 1, "line": …}, {"lane": 1, "over": {"fault": "", "why": ""}}
    {"fleet": {"up": true, "why": "", "starting": 0, "workers": [about and "draining"]}}

It ends when what it reads ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, NoReturn

PERIOD, SHORTEST = 3.0, 0.5
"""Seconds between two looks at the fleet, and where a lane has moved."""
ANSWER = 10.0
"""Seconds until the head must have told of the workers."""
BLIND, BLIND_BUSY = 30.0, 300.0
"""Seconds without any answer, until another driver is to join anew: Ray does not always notice that a driver's raylet
is gone. A batch that still runs has time to end: it needs no head."""
JOINING = 60.0
"""Seconds that joining takes at most, of a cluster that has answered."""
FAREWELL = 3.0
"""Seconds in which workers are told that their batch is cancelled."""
ABSENT = "The workers are not deployed: serve run --non-blocking, with a file of the folder fleet."


class Wire:
    """Lines to the gateway. What else is printed, as by Ray, goes to the errors."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "wb", buffering=0)
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def say(self, message: dict[str, Any]) -> None:
        """Write a line; nothing happens if nobody reads any more."""
        left = memoryview(json.dumps(message).encode() + b"\n")
        with self._lock, suppress(OSError):
            while left:
                left = left[self._file.write(left) or 0 :]

    def down(self, why: str) -> None:
        """Say that there is no fleet."""
        self.say({"fleet": {"up": False, "why": why}})


class Driver:
    """Lanes over Serve's handle."""

    def __init__(self, wire: Wire) -> None:
        from . import cluster

        self._cluster, self._wire = cluster, wire
        self._slots = cluster.Slots()
        self._handle: Any = None
        self._since: dict[Any, float] = {}
        self._busy = 0
        self._deployed, self._news = asyncio.Event(), asyncio.Event()
        self._lanes: dict[int, tuple[asyncio.Task[tuple[str, str]], asyncio.Future[dict[str, Any]]]] = {}

    async def run(self, commands: asyncio.Queue[dict[str, Any] | None]) -> None:
        """Do what is asked, until ``None`` is."""
        watch = asyncio.create_task(self._watch())
        watch.add_done_callback(lambda _: commands.put_nowait(None))
        while (command := await commands.get()) is not None:
            self._do(command)
        watch.cancel()
        tasks = [task for task, _ in self._lanes.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=FAREWELL)

    def _do(self, command: dict[str, Any]) -> None:
        lane, what = command["lane"], command["do"]
        if what == "reserve":
            order: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(self._serve(lane, order))
            task.add_done_callback(lambda _: self._over(lane))
            self._lanes[lane] = task, order
        elif lane not in self._lanes:
            return  # it was over when this was asked
        elif what == "run":
            self._lanes[lane][1].set_result(command["order"])
        else:
            self._lanes[lane][0].cancel()

    def _over(self, lane: int) -> None:
        task, _ = self._lanes.pop(lane)
        fault = why = ""
        if not task.cancelled():
            fault, why = ("machine", _said(error)) if (error := task.exception()) else task.result()
        self._wire.say({"lane": lane, "over": {"fault": fault, "why": why}})
        self._news.set()

    async def _serve(self, lane: int, order: asyncio.Future[dict[str, Any]]) -> tuple[str, str]:
        """Reserve a worker, and run what is ordered; the fault, and why. If it raises, nothing was sent."""
        while True:
            await self._deployed.wait()
            async with self._handle.choose_replica() as slot, self._slots.held(slot):
                if slot.node_id not in await asyncio.to_thread(self._cluster.draining):
                    self._wire.say({"lane": lane, "free": self._about(slot._replica)})
                    self._news.set()
                    return await self._dispatch(lane, slot, await order)
            await asyncio.sleep(1)  # its machine will be taken away: a successor is on its way

    async def _dispatch(self, lane: int, slot: Any, order: dict[str, Any]) -> tuple[str, str]:
        from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError

        response = self._handle.dispatch(slot, order)
        self._busy += 1
        try:
            async for line in response:
                self._wire.say({"lane": lane, "line": line})
        except asyncio.CancelledError:
            response.cancel()  # the worker interrupts its ComfyUI
            with suppress(Exception):  # it says so by an error
                await asyncio.wait_for(_last(response), FAREWELL)
            raise
        except (BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError) as error:
            return "machine", _said(error)  # nothing was sent
        except OSError as error:  # the worker cannot reach the store of files, or was about to end
            return "machine", _said(error)
        except Exception as error:  # noqa: BLE001  whatever ended the worker
            return await self._cluster.fault_of(slot.node_id), _said(error)
        finally:
            self._busy -= 1
        return "", ""

    async def _watch(self) -> None:
        """Say what the fleet is, every few seconds and when a lane has moved; until Serve is shut down or silent."""
        from ray.exceptions import ActorDiedError

        answered = time.monotonic()
        while time.monotonic() - answered < (BLIND_BUSY if self._busy else BLIND):
            self._news.clear()
            try:
                await asyncio.wait_for(self._look(), ANSWER)
                answered = time.monotonic()
            except ActorDiedError:  # the controller, for good; a driver that starts later finds the next one
                self._wire.down(ABSENT)
                return
            except asyncio.TimeoutError:
                self._wire.down(f"Ray's head has not answered for {ANSWER:.0f} s.")
            except Exception as error:  # noqa: BLE001  such as while the controller starts anew
                self._wire.down(f"Ray does not tell of the workers: {_said(error)}")
            await asyncio.sleep(SHORTEST)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), PERIOD)

    async def _look(self) -> None:
        starting = await asyncio.to_thread(self._cluster.starting)
        if starting is None:
            self._deployed.clear()
            self._wire.down(ABSENT)
            return
        self._handle = self._handle or self._cluster.handle()
        self._deployed.set()
        await asyncio.to_thread(self._slots.free_those_of_the_dead)
        leaving = await asyncio.to_thread(self._cluster.draining)
        replicas = self._cluster.replicas(self._handle)
        now = time.monotonic()
        self._since = {each.replica_id: self._since.get(each.replica_id, now) for each in replicas}
        workers = [{**self._about(each), "draining": each.node_id in leaving} for each in replicas]
        self._wire.say({"fleet": {"up": True, "why": "", "starting": starting, "workers": workers}})

    def _about(self, replica: Any) -> dict[str, Any]:
        """What a worker has told of itself, and for how long it has been ready."""
        told = self._cluster.told_by(replica)
        since = self._since.get(replica.replica_id, time.monotonic())
        return {**told, "up_seconds": told.get("up_seconds", 0.0) + time.monotonic() - since}


async def _last(lines: AsyncIterator[Any]) -> None:
    async for _ in lines:
        pass


def _said(error: BaseException) -> str:
    """The first line of what has happened: Ray's errors hold whole tracebacks of other processes."""
    cause = getattr(error, "cause", None) or error
    first = next((line.strip() for line in str(cause).splitlines() if line.strip()), "")
    return first[:500] if type(cause) is RuntimeError and first else f"{type(cause).__name__}: {first}"[:500]


def _listen(loop: asyncio.AbstractEventLoop, commands: asyncio.Queue[dict[str, Any] | None]) -> None:
    """Pass on what the gateway writes; a thread, because Windows cannot wait for pipes and sockets together."""
    with suppress(RuntimeError):  # the loop has ended first
        try:
            for line in sys.stdin.buffer:
                loop.call_soon_threadsafe(commands.put_nowait, json.loads(line))
        finally:
            loop.call_soon_threadsafe(commands.put_nowait, None)


def join(address: str, wire: Wire) -> bool:
    """Become a driver of the cluster; ``False`` if that is not possible, and the gateway knows why."""
    try:
        import ray

        from . import cluster
    except ImportError as error:
        wire.down(f'Ray is not installed here ({error}). Install it with: pip install "ray[serve]==2.60.0"')
        return False
    late = threading.Timer(JOINING, _give_up, (address, wire))
    late.daemon = True
    try:
        found = cluster.find(address)
        late.start()
        ray.init(found, namespace=cluster.APP, log_to_driver=False, logging_level=logging.WARNING)
    except cluster.Unreachable as error:
        wire.down(str(error))
        return False
    except Exception as error:  # noqa: BLE001  Ray has many
        wire.down(_said(error))
        return False
    late.cancel()
    return True


def _give_up(address: str, wire: Wire) -> None:
    wire.down(f"{address} has not let us join in {JOINING:.0f} s.")
    os._exit(1)


async def _work(wire: Wire) -> None:
    commands: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    threading.Thread(target=_listen, args=(asyncio.get_running_loop(), commands), daemon=True).start()
    await Driver(wire).run(commands)
    _leave(0)  # from in here: asyncio would wait for threads that ask a head which is gone


def _leave(status: int) -> NoReturn:
    """End at once: Ray takes seconds to say goodbye, and says nothing that counts."""
    sys.stderr.flush()
    os._exit(status)


def main(address: str) -> NoReturn:
    """Work for the gateway that has started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the gateway, which closes our input
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # With the router in our own loop, a reservation that is given up is taken back at once. In a loop of its own it
    # would wait on, and rent a machine for nobody.
    os.environ["RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP"] = "0"
    wire = Wire()
    if not join(address, wire):
        _leave(1)
    asyncio.run(_work(wire))
    _leave(1)


if __name__ == "__main__":
    main(sys.argv[1])
