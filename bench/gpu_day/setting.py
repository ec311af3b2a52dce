"""What a part is told."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """Where a part works, and how much.

    Attributes:
        rehearse: tiny nets and pictures on the CPU, once each: every path is run, no figure means anything.
        seconds: until the part is stopped. What it has yielded by then counts.
        comfyui: ComfyUI's folder.
        assets: ``models/<folder>/<weights>``.
        scratch: a folder of the day, empty at its begin; what parts leave there, such as checkpoints, later ones find.
        results: the file of results so far, see ``results.read``.
    """

    rehearse: bool
    seconds: float
    comfyui: Path
    assets: Path
    scratch: Path
    results: Path

    def as_json(self) -> str:
        """One line, with the time of day."""
        return json.dumps(asdict(self) | {"written": time.time()}, default=str)

    @classmethod
    def of_json(cls, text: str) -> Setting:
        """The setting of that line, with the seconds that are left by now."""
        values = json.loads(text)
        left = max(float(values["seconds"]) - (time.time() - values["written"]), 0.0)
        folders = {name: Path(values[name]) for name in ("comfyui", "assets", "scratch", "results")}
        return cls(bool(values["rehearse"]), left, **folders)
