"""What there is to see of a fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .about import About
from .ledger import Ledger

NO_FLEET = {"address": ""}
"""What is shown where this ComfyUI runs the jobs itself."""


@dataclass(frozen=True)
class WorkerView:
    """A worker as the gateway sees it.

    Attributes:
        about: what it says of itself.
        draining: its machine is about to be taken away, and it is given nothing more.
        unusable: why it is given nothing, as that it lacks a model; ``""`` if it is.
        jobs: that run on it now.
    """

    about: About
    draining: bool = False
    unusable: str = ""
    jobs: int = 0

    @property
    def state(self) -> str:
        """``"unusable"``, ``"draining"``, ``"busy"`` or ``"idle"``: the first of these that it is."""
        if self.unusable:
            return "unusable"
        if self.draining:
            return "draining"
        return "busy" if self.jobs else "idle"

    @property
    def reason(self) -> str:
        """Why it is given nothing more, in words; ``""`` if it is."""
        return self.unusable or ("its machine is about to be taken away" if self.draining else "")

    def as_dict(self) -> dict[str, Any]:
        """As JSON. Of the models only their number: there may be thousands."""
        return {
            **self.about.as_dict(),
            "models": len(self.about.models),
            "state": self.state,
            "reason": self.reason,
            "jobs": self.jobs,
        }


@dataclass(frozen=True)
class FleetView:
    """A fleet as the gateway sees it.

    Attributes:
        address: Ray's, of the settings.
        up: whether its cluster can be reached.
        why: in words, if not.
        ledger: what it costs.
        workers: that are ready.
        starting: workers that are not yet.
        queued, running: jobs in the store.
        quarantined: ids of jobs that have killed three workers.
    """

    address: str
    up: bool
    why: str
    ledger: Ledger
    workers: Sequence[WorkerView] = ()
    starting: int = 0
    queued: int = 0
    running: int = 0
    quarantined: Sequence[str] = ()


def shown(view: FleetView, now: float) -> dict[str, Any]:
    """What ``GET /frugal-motion/fleet`` answers.

    Args:
        now: seconds since 1970.
    """
    return {
        "address": view.address,
        "up": view.up,
        "why": view.why,
        "starting": view.starting,
        "queued": view.queued,
        "running": view.running,
        "workers": [worker.as_dict() for worker in view.workers],
        "dollars_per_hour": round(view.ledger.per_hour(now), 6),
        "today": view.ledger.today(now).as_dict(),
        "quarantined": list(view.quarantined),
    }
