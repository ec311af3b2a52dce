"""The file of results: whole and valid at every moment, whenever the day is cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from .measurement import Measurement

State = Literal["waiting", "running", "done", "cut", "failed"]
VERSION = 1


@dataclass(frozen=True)
class PartResult:
    """What is known of a part.

    Attributes:
        state: ``"running"`` in a file whose day was cut off there; ``"cut"``: its share of time was used up.
        why: it failed or was cut.
        seconds: that it has taken.
        share: seconds that it was given; 0 while it waits.
        measurements: in the order in which they were found.
        facts: what it found that is no single number, such as the work and seconds of stages.
    """

    name: str
    title: str
    state: State = "waiting"
    why: str = ""
    seconds: float = 0.0
    share: float = 0.0
    measurements: tuple[Measurement, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """A day on a card.

    Attributes:
        about: card, driver, torch and so on, as text; see ``machine.about``.
        date: ISO date of the day.
        is_rehearsal: then no figure means anything.
        budget: seconds that the day was given.
        parts: in the order of the day.
    """

    about: dict[str, str]
    date: str
    is_rehearsal: bool
    budget: float
    parts: tuple[PartResult, ...]

    def with_part(self, part: PartResult) -> Results:
        """The same with a part of that name replaced."""
        return replace(self, parts=tuple(part if one.name == part.name else one for one in self.parts))

    def part(self, name: str) -> PartResult:
        """The part of that name.

        Raises:
            KeyError: there is none.
        """
        for one in self.parts:
            if one.name == name:
                return one
        raise KeyError(name)


def write(path: Path, results: Results) -> None:
    """Write the file aside and rename it over the one before."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps({"version": VERSION} | asdict(results), indent=1) + "\n", encoding="utf-8")
    os.replace(aside, path)


def read(path: Path) -> Results:
    """The results of a file.

    Raises:
        ValueError: it is no such file, or one of a newer version.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("version") != VERSION:
            raise ValueError("another version")
        return Results(**{**values, "parts": tuple(map(_part, values["parts"]))})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name}: found {error}; allowed: results of a GPU day, version {VERSION}") from error


def _part(values: dict[str, Any]) -> PartResult:
    return PartResult(**{**values, "measurements": tuple(Measurement(**one) for one in values["measurements"])})


def all_in(folder: Path) -> Iterable[Results]:
    """Those of a folder, by file name."""
    return [read(path) for path in sorted(folder.glob("*.json"))]
