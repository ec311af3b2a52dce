"""Tells those who asked that their jobs have ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from ..jobs.job import Job, check_webhook
from ..jobs.job_store import JobStore
from ..strict_json import to_json

logger = logging.getLogger(__name__)

MOST_CALLS = 4
MOST_AT_ONCE = 100
_WAIT = 5.0  # seconds before the second call, and four times as long before each further one
_LOOK_EVERY = 1.0
_COSTS_AFTER = 3.0  # seconds: what a job has cost is known a moment after its end
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Webhooks:
    """Posts ended jobs to their webhooks, a few times if need be; also those that ended before a restart.

    Args:
        store: where jobs lie.
        hosts: names that may be called; asked before every call.
        shown: a job as JSON.
    """

    def __init__(
        self, store: JobStore, hosts: Callable[[], frozenset[str]], shown: Callable[[Job], dict[str, Any]]
    ) -> None:
        self._store, self._hosts, self._shown = store, hosts, shown
        self._next: dict[str, float] = {}

    async def run(self) -> None:
        """Call until cancelled."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT, json_serialize=to_json) as session:
            while True:
                due = await asyncio.to_thread(self._due)
                await asyncio.gather(*(self._call(session, job) for job in due))
                await asyncio.sleep(_LOOK_EVERY)

    def _due(self) -> list[Job]:
        now, ended = time.monotonic(), self._store.to_call(MOST_CALLS, time.time() - _COSTS_AFTER)
        due = [job_id for job_id in ended if self._next.get(job_id, 0) <= now][:MOST_AT_ONCE]
        return [job for job in map(self._store.find, due) if job]

    async def _call(self, session: aiohttp.ClientSession, job: Job) -> None:
        try:
            check_webhook(job.webhook, self._hosts())
            async with session.post(job.webhook, json=self._shown(job), allow_redirects=False) as answer:
                problem = "" if answer.status < 300 else f"it answers {answer.status}"
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError) as error:
            problem = str(error) or type(error).__name__
        calls = self._store.called(job.id, 1 if problem else MOST_CALLS)
        self._next.pop(job.id, None)
        if not problem:
            return
        logger.warning("the webhook of job %s is not told, call %d of %d: %s", job.id, calls, MOST_CALLS, problem)
        if calls < MOST_CALLS:
            self._next[job.id] = time.monotonic() + _WAIT * 4 ** (calls - 1)
