"""A worker: a ComfyUI of its own that runs what a gateway orders."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import math
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from ..jobs.faults import worker_fault
from ..jobs.outcome import Ended
from .about import About
from .child import Child, Wanted, found_comfyui
from .files import Files
from .order import Order
from .outgoing import Outgoing
from .places import Claim, Inputs, default_home
from .version import ROOT

logger = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
_GRACE = 2.0
"""Seconds between the end of a process's connections and when it can be waited for."""
_SILENCE = 180.0
"""Seconds without an answer: while weights are read, ComfyUI answers nobody."""

Line = dict[str, Any]
T = TypeVar("T")


class BrokenOff(Exception):
    """ComfyUI has not answered to the end."""


@dataclass(frozen=True)
class Settings:
    """What the owner of a fleet says of its workers.

    Attributes:
        comfyui: its folder; empty for the one that is found.
        options: of its command line.
        home: folder for what workers of a machine share; empty for one in the user's cache.
        models: an extra_model_paths.yaml, from the pack's folder or absolute; empty for none.
        env: variables for ComfyUI.
    """

    comfyui: str = ""
    options: tuple[str, ...] = ()
    home: str = ""
    models: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


class Worker:
    """Starts a ComfyUI, and ends it.

    Args:
        settings: see there.
        name: of which there is no second one, also after a restart.
        node: the machine in Ray's words.
        cpu: there is no accelerator.

    Raises:
        child.ChildError: there is no ComfyUI, or it did not start.
    """

    def __init__(self, settings: Settings, name: str, node: str = "", *, cpu: bool = False) -> None:
        began = time.monotonic()
        home = Path(settings.home).expanduser().resolve() if settings.home else default_home()
        self._claim = Claim(home, name)
        self.base = self._claim.folder
        wanted = Wanted(
            comfyui=found_comfyui(settings.comfyui),
            base=self.base,
            options=settings.options,
            models=str(ROOT / settings.models) if settings.models else "",
            env={**_cache(home), **settings.env},
            cpu=cpu,
        )
        try:
            self.child = Child(wanted)
            self._inputs = Inputs(home, self.base / "input")
            comfyui_seconds = self.child.wait()
        except BaseException:
            self.end()
            raise
        self._ready, self._silent_since = time.monotonic(), math.inf
        self._own = About(name, node, cold_seconds=self._ready - began, comfyui_seconds=comfyui_seconds)
        self._last = self._own

    def about(self) -> About:
        """What it is now; as far as ComfyUI is too busy to tell, what it was."""
        try:
            self._last = About.of(self.child.ask("/frugal-motion/worker", timeout=10))
            self._silent_since = math.inf
        except OSError as error:
            self._silent_since = min(self._silent_since, time.monotonic())
            logger.warning("ComfyUI does not tell what it has: %s", error)
        own = self._own
        return replace(
            self._last,
            worker=own.worker,
            node=own.node,
            cold_seconds=own.cold_seconds,
            comfyui_seconds=own.comfyui_seconds,
            up_seconds=time.monotonic() - self._ready,
        )

    def is_over(self) -> bool:
        """Whether ComfyUI has ended, or has not answered ``about`` for so long that it will not any more.

        That nobody has asked, as while the head of the cluster was away, tells nothing.
        """
        return bool(self.child.ended()) or time.monotonic() - self._silent_since > _SILENCE

    async def run(self, order: Order, ends: Callable[[], None]) -> AsyncGenerator[Line, None]:
        """Run a batch; who stops to listen interrupts it.

        Args:
            ends: called if this worker can do no more work: it must end soon.

        Yields:
            Lines as the gateway reads them.

        Raises:
            OSError: files cannot be had or sent.
            ValueError: the order names files that none may name.
            RuntimeError: ComfyUI has ended; says how.
        """
        files = Files(order.files)
        outgoing = Outgoing(self.base, order, files.put_output)
        try:
            await _to_the_end(self._inputs.lay, order.inputs, files.get_input)
            async with aclosing(self._lines(order)) as lines:
                async for told in lines:
                    line = await _to_the_end(outgoing.pass_on, told)
                    if "ended" in line and worker_fault(Ended(**line["ended"])) == "broken":
                        ends()
                    yield line
        except BrokenOff as error:
            how = await self._how_it_ended(error)  # first: the end of this worker ends ComfyUI too
            ends()
            raise RuntimeError(how) from error
        except OSError as error:
            if error.errno in _FULL:
                ends()
            raise
        finally:
            outgoing.remove()
            self._inputs.remove()

    async def _lines(self, order: Order) -> AsyncGenerator[Line, None]:
        """What ComfyUI answers."""
        asked = replace(order, files="", inputs={})  # which are none of its business
        endless = aiohttp.ClientTimeout(total=None)
        url = f"{self.child.url}/frugal-motion/worker/batch"
        try:
            async with (
                aiohttp.ClientSession(timeout=endless, headers=self.child.headers) as session,
                session.post(url, json=asked.as_dict()) as answer,
            ):
                if answer.status != 200:
                    raise ValueError(f"ComfyUI does not take the order: {(await answer.text())[:1000]}")
                rest = b""
                async for block in answer.content.iter_any():
                    *whole, rest = (rest + block).split(b"\n")
                    for line in map(json.loads, whole):
                        yield line
                        if "ended" in line:
                            return
        except aiohttp.ClientError as error:
            raise BrokenOff(f"{type(error).__name__} {error}") from error
        raise BrokenOff("it has not said how the batch ended")

    async def _how_it_ended(self, error: Exception) -> str:
        """A connection breaks a moment before its process can be waited for."""
        until = time.monotonic() + _GRACE
        while time.monotonic() < until:
            if how := self.child.ended():
                return f"{how.partition(chr(10))[0]} {self.child.last_line()}"
            await asyncio.sleep(_GRACE / 20)
        return f"ComfyUI broke off: {error}"

    def end(self) -> None:
        """End ComfyUI, and leave nothing behind."""
        if child := getattr(self, "child", None):
            child.end()
        self._claim.remove()


async def _to_the_end(work: Callable[..., T], *given: Any) -> T:
    """Work in a thread, and wait for its end also when cancelled: it goes on, and must not meet the next batch."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *given)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _cache(home: Path) -> dict[str, str]:
    """Where the cache is, unless the machine says: whoever takes up a job that another worker had begun finds it."""
    name = "FRUGAL_MOTION_CACHE_FOLDER"
    return {} if name in os.environ else {name: str(home / "cache")}
