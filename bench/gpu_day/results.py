"""The file of results: whole and valid at every moment, whenever the day is cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from .measurement import Measurement
from .parts import Part

State = Literal["waiting", "running", "done", "cut", "failed"]
VERSION = 1


@dataclass(frozen=True)
class PartResult:
    """What is known of a part.

    Attributes:
        state: ``"running"`` in a file whose day was cut off there; ``"cut"``: its share of time was used up.
        why: it failed or was cut; in the first line the error, then where it came from.
        date: ISO date on which it began; ``""`` while it waits.
        seconds: that it has taken.
        share: seconds that it was given; 0 while it waits.
        measurements: in the order in which they were found.
        facts: what it found that is no single number, such as the work and seconds of stages.
    """

    name: str
    title: str
    state: State = "waiting"
    why: str = ""
    date: str = ""
    seconds: float = 0.0
    share: float = 0.0
    measurements: tuple[Measurement, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """A day on a card.

    Attributes:
        about: card, driver, torch and so on, as text; see ``machine.about``.
        is_rehearsal: then no figure means anything.
        budget: seconds that the day was given.
        parts: in the order of the day.
    """

    about: dict[str, str]
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


def before(
    parts: Sequence[Part], about: dict[str, str], is_rehearsal: bool, budget: float, earlier: Results | None = None
) -> Results:
    """A day of which no part has begun.

    Args:
        parts: to be run, in their order.
        about: see ``Results``.
        is_rehearsal: see ``Results``.
        budget: seconds.
        earlier: what it has found of other parts stays, if driver, versions and all else about it are the same.
    """
    is_same = earlier is not None and (earlier.about, earlier.is_rehearsal) == (about, is_rehearsal)
    kept = {part.name: part for part in earlier.parts} if earlier and is_same else {}
    waiting = {part.name: PartResult(part.name, part.title) for part in parts}
    return Results(about, is_rehearsal, budget, tuple((kept | waiting).values()))


def write(path: Path, results: Results) -> None:
    """Write the file aside, and when it is on the disk rename it over the one before.

    Raises:
        OSError: it cannot be written; the file before it is untouched.
    """
    aside = path.with_name(f".{path.name}.part")
    with aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"version": VERSION} | asdict(results), indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def read(path: Path) -> Results:
    """The results of a file.

    Raises:
        ValueError: it is no such file, or one of another version.
        OSError: it cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if (version := values.pop("version")) != VERSION:
            raise ValueError(f"version {version}")
        return Results(**{**values, "parts": tuple(map(_part, values["parts"]))})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name}: found {error}; allowed: results of a GPU day, version {VERSION}") from error


def _part(values: dict[str, Any]) -> PartResult:
    return PartResult(**{**values, "measurements": tuple(Measurement(**one) for one in values["measurements"])})


def all_in(folder: Path) -> list[Results]:
    """Those of a folder, by file name; rehearsals are left out.

    Raises:
        ValueError: a file is no results.
    """
    found = [read(path) for path in sorted(folder.glob("*.json"))]
    return [one for one in found if not one.is_rehearsal]
