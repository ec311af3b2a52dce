"""What the runner of jobs needs of those that do the work: this ComfyUI's queue, or machines of a fleet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from ..graph import Prompt
from .batch import Batch
from .job import Job
from .outcome import Ended

if TYPE_CHECKING:
    from typing_extensions import Self


class WorkerLost(RuntimeError):
    """A worker does not answer any more, and nobody knows how far its batch was.

    Attributes:
        by: ``"killed"`` if its ComfyUI has died while the machine lives on, which the batch may be the reason of;
            ``"machine"`` if the machine or the network is.
    """

    def __init__(self, why: str, by: Literal["machine", "killed"] = "machine") -> None:
        self.by = by
        super().__init__(why)


class Worker(Protocol):
    """Runs batches, one at a time.

    Attributes:
        name: of which there is no second one, also after a restart; empty for one without others beside it.
    """

    @property
    def name(self) -> str: ...

    def can_run(self, job: Job) -> bool:
        """Whether it has what a job needs."""

    def has_loaded(self, job: Job) -> bool:
        """Whether it holds the weights that a job names."""

    async def run(self, batch: Batch) -> Ended:
        """Run a batch, and tell it what happens on the way.

        Raises:
            WorkerLost: it does not answer any more.
        """

    async def prepare(self, prompt: Prompt) -> None:
        """Do what can be done of a prompt while another one runs. Nothing is raised: its own run will tell."""

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        """Take the batch back if it has not begun, and tell it the place it had; or stop it.

        Returns:
            Whether it will not come to its end.
        """

    def deliver(self, job_id: str, run: str) -> None:
        """Put the files that a run has made for a job where people look for them, at one stroke.

        Raises:
            OSError: that cannot be done.
        """


class Workers(Protocol):
    """All that there are.

    Attributes:
        most: batches that may run at once.
        outlive_us: they live on when this process dies: what they run then is not to blame for its death.
    """

    @property
    def most(self) -> int: ...

    @property
    def outlive_us(self) -> bool: ...

    def free(self) -> AbstractAsyncContextManager[Worker]:
        """Wait for a worker without work. It is held until the end of the context."""

    def refusal(self, job: Job) -> str:
        """Why no worker will ever run a job; empty if one may."""

    def trouble(self) -> str:
        """Why nothing runs at all; empty if nothing hinders it."""


class OnlyWorker:
    """What is the same of all workers beside which there is no other one: they are ``Workers`` too."""

    name = ""
    most = 1
    outlive_us = False

    @asynccontextmanager
    async def free(self) -> AsyncIterator[Self]:
        """It runs one batch after the other."""
        yield self

    def can_run(self, job: Job) -> bool:
        """Whatever has been accepted."""
        return True

    def has_loaded(self, job: Job) -> bool:
        """Of no use where there is no choice."""
        return False

    def refusal(self, job: Job) -> str:
        """Nothing is refused."""
        return ""

    def trouble(self) -> str:
        """Nothing hinders it."""
        return ""

    def deliver(self, job_id: str, run: str) -> None:
        """The files are where they belong."""
