"""What ``requirements/dev.lock`` pins. Runs in the development environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from packaging.markers import Marker

_PIN = re.compile(
    r"^([\w.-]+)==([^\s;\\]+)(?: ; (.+?))? \\\n((?:    --hash=\S+(?: \\)?\n)+)((?:    #.*\n?)*)", re.MULTILINE
)
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64", "platform_python_implementation": "CPython"}
"""What a Linux machine answers to the markers that the lock asks."""


@dataclass(frozen=True)
class Pin:
    """A package of the lock.

    Attributes:
        name: canonical, such as ``"pydantic-core"``.
        version: as text.
        hashes: ``"sha256:…"`` of its files, for every system.
        wanted_by: packages that require it.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    wanted_by: frozenset[str]

    def __str__(self) -> str:
        """A hash-checked requirement."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={one}" for one in self.hashes)])


def canonical(name: str) -> str:
    """A package's name, however it was written."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str, python: str) -> dict[str, Pin]:
    """The pins that hold on a Linux machine, by name.

    Args:
        lock: the text of the lock.
        python: version there, such as ``"3.12"``.
    """
    there = {**LINUX, "python_full_version": f"{python}.0", "implementation_name": "cpython", "python_version": python}
    return {
        canonical(name): Pin(
            canonical(name),
            version,
            tuple(re.findall(r"--hash=(\S+)", hashes)),
            frozenset(map(canonical, re.findall(r"# +(?:via )?([\w.-]+)$", wanted_by, re.MULTILINE))),
        )
        for name, version, marker, hashes, wanted_by in _PIN.findall(lock)
        if not marker or Marker(marker).evaluate(there)
    }


def with_what_they_require(names: Iterable[str], known: dict[str, Pin], there: Collection[str]) -> list[Pin]:
    """These packages and what they require, in alphabetical order, but for what is there with its requirements.

    Raises:
        KeyError: the lock does not pin one of ``names``.
    """
    found: dict[str, Pin] = {}
    waiting = [name for name in names if name not in there]
    while waiting:
        name = waiting.pop()
        if name in found or name in there:
            continue
        found[name] = known[name]
        waiting += [pin.name for pin in known.values() if name in pin.wanted_by]
    return sorted(found.values(), key=lambda pin: pin.name)
