"""Workers without a machine behind them."""

from __future__ import annotations

from frugal_motion.nodes.graph import Prompt
from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.workers import OnlyWorker


class OneWorker(OnlyWorker):
    """It prepares nothing, and never gives a batch back."""

    async def prepare(self, prompt: Prompt) -> None:
        pass

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        return False
