"""Workers without a machine behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from frugal_motion.nodes.graph import Prompt
from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.job import Job


class OneWorker:
    """All that there is; it can run whatever comes."""

    name = ""
    most = 1
    outlive_us = False

    @asynccontextmanager
    async def free(self) -> AsyncIterator[Any]:
        yield self

    def can_run(self, job: Job) -> bool:
        return True

    def has_loaded(self, job: Job) -> bool:
        return False

    def refusal(self, job: Job) -> str:
        return ""

    def trouble(self) -> str:
        return ""

    async def prepare(self, prompt: Prompt) -> None:
        pass

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        return False

    def deliver(self, job_id: str, run: str) -> None:
        pass
