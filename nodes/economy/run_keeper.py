"""Keeps what every run has cost, when it has ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..graph import title
from ..host.folders import user_folder
from ..host.models import this_device
from ..metering.meter import Ledger, StageCost
from .local_price import price_here
from .report import Report
from .run_book import RunBook

logger = logging.getLogger(__name__)

_LOOK_EVERY = 1.0  # seconds


def stored_runs() -> RunBook:
    """Where they are kept."""
    return RunBook(user_folder("runs"))


def titled(cost: StageCost, prompt: Mapping[str, Any], node_id: str) -> StageCost:
    """The cost under the name that the user has given the node."""
    cost.stage = title(prompt, node_id) if node_id in prompt else cost.stage
    return cost


class RunKeeper:
    """Looks for runs that have ended, and keeps what they have cost.

    Args:
        queue: ComfyUI's ``PromptQueue``.
        ledger: where stages are charged.
        ended: told of every run that has been kept.
    """

    def __init__(self, queue: Any, ledger: Ledger, ended: Callable[[dict[str, Any]], None]) -> None:
        self._queue, self._ledger, self._ended = queue, ledger, ended

    async def look(self) -> None:
        """Keep what has ended since the last look."""
        known = self._ledger.runs()  # first: a run that begins after this is not taken for one that has ended
        with self._queue.mutex:
            running = {item[1] for item in self._queue.currently_running.values()}
        for run in [run for run in known if run not in running]:
            try:
                await self._keep(run)
            except Exception:  # people may post anything as a prompt: the records of others must not suffer
                logger.exception("what run %s has cost is not kept", run)

    async def _keep(self, run: str) -> None:
        record = self._record(run)
        if record is None:
            return
        try:
            await asyncio.to_thread(stored_runs().add, run, round(time.time() * 1000), record)
        except OSError as error:
            logger.warning("what run %s has cost is not kept: %s", run, error)
        self._ended({"run": run, **{name: value for name, value in record.items() if name != "prompt"}})

    async def run(self) -> None:
        """Look until the server stops."""
        while True:
            try:
                await self.look()
            except Exception:  # a queue of another ComfyUI: better no records than no server
                logger.exception("what runs cost is not kept any more")
                return
            await asyncio.sleep(_LOOK_EVERY)

    def _record(self, run: str) -> dict[str, Any] | None:
        meter = self._ledger.close(run)
        with self._queue.mutex:
            entry = self._queue.history.get(run, {})
            prompt = entry["prompt"][2] if entry else {}
            status = entry.get("status") or {}
        if meter is None or not meter.costs:
            return None
        stages = tuple(titled(cost, prompt, node_id) for node_id, cost in meter.costs.items())
        report = Report(stages, price_here(), this_device())
        return {
            **report.as_dict(),
            "nodes": list(meter.costs),
            "status": status.get("status_str", ""),
            "prompt_seconds": _prompt_seconds(status),
            "prompt": prompt,
        }


def _prompt_seconds(status: Mapping[str, Any]) -> float | None:
    """From the first to the last message of a run: with nodes of others, and the loading of checkpoints."""
    times = [data["timestamp"] for _, data in status.get("messages", []) if "timestamp" in data]
    return (max(times) - min(times)) / 1000 if times else None
