"""Workers as Ray Serve knows them. ``app`` is what ``serve run`` and the file with the application name."""

# No "from __future__ import annotations": Serve looks at what the argument of ``app`` is.

import asyncio
import logging
import os
import platform
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

import ray
from pydantic import BaseModel, ConfigDict
from ray import serve

from .order import Order
from .worker import Settings
from .worker import Worker as Own

logger = logging.getLogger("ray.serve")  # which a replica's own file gets

_FAREWELL = 0.5
"""Seconds for the last line to get through."""


class WorkerArgs(BaseModel):
    """What the application takes as ``args``; see ``worker.Settings``."""

    model_config = ConfigDict(extra="forbid")

    comfyui: str = ""
    options: tuple[str, ...] = ()
    home: str = ""
    models: str = ""
    env: dict[str, str] = {}


class Worker:
    """A worker whose replica Serve starts, watches and ends."""

    def __init__(self, args: dict[str, Any]) -> None:
        context = ray.get_runtime_context()
        self._own = Own(
            Settings(**args), serve.get_replica_context().replica_tag, context.get_node_id(), cpu=not _has_accelerator()
        )
        self._ends = threading.Event()
        self._told = self._own.about().as_dict()

    def record_replica_metadata(self) -> dict[str, Any]:
        """What gateways know before they give it anything."""
        return self._told

    async def record_routing_stats(self) -> dict[str, Any]:
        """What of that is different now; Serve asks every ten seconds, also beside a batch, and tells gateways."""
        return {name: value for name, value in (await self.about()).items() if value != self._told[name]}

    async def about(self) -> dict[str, Any]:
        """What it is now."""
        return (await asyncio.to_thread(self._own.about)).as_dict()

    def check_health(self) -> None:
        """A ComfyUI that has ended, or hangs, would answer nothing: Serve starts another worker."""
        if self._own.is_over():
            self._end_soon("ComfyUI has ended, or does not answer")

    async def run(self, order: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Lines of the answer to an order; see ``order.Order``."""
        if self._ends.is_set():
            raise ConnectionAbortedError("this worker is about to end: another one takes its place")
        async with aclosing(self._own.run(Order.of(order), self._end_soon)) as lines:
            async for line in lines:
                yield line
        if self._ends.is_set():  # nobody is to come in between
            await asyncio.sleep(2 * _FAREWELL)

    def _end_soon(self, why: str = "it can do no more work") -> None:
        """Make room for another worker, when the last line has got through."""
        if not self._ends.is_set():
            self._ends.set()
            threading.Timer(_FAREWELL, self._exit, [why]).start()

    def _exit(self, why: str) -> None:
        logger.warning("Frugal Motion: this worker makes room for another one: %s", why)
        try:
            self._own.end()
        finally:
            os._exit(1)

    def __del__(self) -> None:
        if own := getattr(self, "_own", None):
            logger.info("Frugal Motion: this worker is ended from outside")
            own.end()


deployment = serve.deployment(
    name="Worker",
    max_ongoing_requests=1,
    health_check_period_s=5,
    health_check_timeout_s=30,
    graceful_shutdown_timeout_s=3600,  # longer than a batch
    ray_actor_options={"num_cpus": 1},
)(Worker)


def app(args: WorkerArgs) -> serve.Application:
    """The application with workers."""
    return deployment.bind(asdict(Settings(**args.model_dump())))


def _has_accelerator() -> bool:
    """Whether Ray has given this replica one (``num_gpus``), or the machine has one that Ray does not know."""
    given = ray.get_runtime_context().get_accelerator_ids()
    return any(given.values()) or (sys.platform == "darwin" and platform.machine() == "arm64")
