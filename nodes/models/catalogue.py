"""The list of weights and clips the pack can name: what, where it goes, where to get it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Source:
    """A file inside a wheel of the package registry, for machines that reach no model hub."""

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Asset:
    """One file.

    Attributes:
        name: file name, as a node's model widget shows it.
        folder: ComfyUI's model folder, or ``"input"`` for clips.
        sha256: of the finished file; empty where it is not known.
        url: official link, to such a file or (for people) a page or another format; empty where there is none.
        url_sha256: of the file behind ``url``, where that is not the one we make (other precision, same weights).
        licence: SPDX id or the licence's name.
        source: where the package registry has it.
        convert: how ``source`` becomes the file: ``""`` (copy), ``"ncnn"`` or ``"rife"``.
        bundled: where a clone of the pack itself has it, relative to its root.
    """

    name: str
    folder: str
    sha256: str = ""
    url: str = ""
    url_sha256: str = ""
    licence: str = ""
    source: Source | None = None
    convert: str = ""
    bundled: str = ""

    @property
    def place(self) -> str:
        """Where the file goes, below ComfyUI's base folder."""
        return f"input/{self.name}" if self.folder == "input" else f"models/{self.folder}/{self.name}"

    @property
    def digests(self) -> frozenset[str]:
        """The SHA-256 sums of the files that may carry this name; empty where none is known."""
        return frozenset(filter(None, (self.sha256, self.url_sha256)))

    @property
    def is_fetchable(self) -> bool:
        """Whether the link leads to a file of this kind (and not to a page, or to a pickle of the same net)."""
        return PurePosixPath(urlsplit(self.url).path).suffix == PurePosixPath(self.name).suffix

    @property
    def url_digests(self) -> frozenset[str]:
        """The SHA-256 sum of what is behind the link; empty where it is not known."""
        return frozenset({self.url_sha256 or self.sha256} - {""})


@cache
def catalogue() -> tuple[Asset, ...]:
    """Everything in ``catalogue.json``."""
    entries = json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))
    return tuple(
        Asset(**{**entry, "source": Source(**entry["source"]) if entry.get("source") else None}) for entry in entries
    )


def find_model(name: str) -> Asset | None:
    """The entry of a file name, wherever it goes."""
    return next((asset for asset in catalogue() if asset.name == name), None)
