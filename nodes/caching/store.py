"""Immutable files under a folder, by key. There is no index to lose: the files are the index.

An entry is a content file and a JSON file beside it, which is written last and makes the entry valid. Both are written
aside and renamed. The JSON file's time of change says when the entry was last used. Processes may share a folder.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError

from ..strict_json import to_json
from .entry import Entry, Spent, checksum, entry_of, is_damaged, spent_of
from .limits import Limits
from .remote import Remote

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FOLDERS = "[0-9a-f][0-9a-f]"
_CONTENT = re.compile(r"\.[0-9a-f]{32}(\.\w+)?|[0-9a-f]{64}-[0-9a-f]{8}\.\w+")
"""Names that are ours, aside and in place: people may keep other things in the same folder."""
_ABANDONED = 24 * 3600
"""Seconds after which a file that belongs to no entry is what a killed process left."""


_NO_LIMITS = Limits()


class EntryStore:
    """The entries in a folder.

    Args:
        folder: where the files lie; made on the first write.
        remote: asked for what is not in the folder, and told what is added to it.
        limits: how much is kept in the folder.
    """

    def __init__(self, folder: Path, remote: Remote | None = None, limits: Limits = _NO_LIMITS) -> None:
        self.folder, self._remote, self._limits = folder, remote, limits

    def read(self, key: str, load: Callable[[Entry], T]) -> tuple[Entry, T] | None:
        """The entry of a key, here or from afar, and its value; what cannot be read counts as none.

        A damaged entry is dropped. One stays that cannot be read now, as on a drive that is away or full. For what
        comes from afar room is made.

        Args:
            key: hex digits.
            load: gives the value.
        """
        if entry := self.find(key):
            return self._loaded(entry, load)
        if entry := self._fetched(key):
            found = self._loaded(entry, load)
            self.trim()
            return found
        return None

    def _loaded(self, entry: Entry, load: Callable[[Entry], T]) -> tuple[Entry, T] | None:
        try:
            if checksum(entry.path) != entry.checksum:
                raise ValueError("its checksum is wrong")
            return entry, load(entry)
        except FileNotFoundError as error:  # another process has made room
            logger.info("an entry of the cache has gone: %s", error)
            return None
        except OSError as error:
            logger.warning("cannot read an entry of the cache, %s: %s", entry.path.name, error)
            return None
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            logger.warning("dropped a damaged entry of the cache, %s: %s", entry.path.name, error)
            self.remove(entry)
            return None

    def find(self, key: str) -> Entry | None:
        """The entry of a key in the folder; ``None`` if there is none, or it is not whole."""
        return self._read(self._facts(key)) if re.fullmatch("[0-9a-f]+", key) else None

    def entries(self) -> Iterator[Entry]:
        """All whole entries, in no order."""
        for facts in self.folder.glob(f"{_FOLDERS}/*.json"):
            entry = None if facts.name.startswith(".") else self._read(facts)
            if entry:
                yield entry

    def add(
        self,
        key: str,
        kind: str,
        suffix: str,
        write: Callable[[Path], None],
        spent: Callable[[], Spent] = Spent,
        made: str = "",
    ) -> Entry:
        """Store what ``write`` puts into the file it is given.

        Args:
            key: hex digits.
            suffix: of the file, with the dot.
            spent: tells, once it is written, what the value took to make: a stream is made while it is written.
            made: what made it, for people.

        Raises:
            OSError: the folder cannot be written; nothing is left behind, and neither is if ``write`` raises.
        """
        entry, facts = self._write(key, kind, suffix, write, spent, made)
        if self._remote:
            self._remote.send(key, facts, entry.path)
        return entry

    def _write(
        self,
        key: str,
        kind: str,
        suffix: str,
        write: Callable[[Path], None],
        spent: Callable[[], Spent],
        made: str,
    ) -> tuple[Entry, dict[str, Any]]:
        folder = self._facts(key).parent
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{uuid.uuid4().hex}{suffix}"
        try:
            write(part)
            size, crc = part.stat().st_size, checksum(part)
            path = folder / f"{key}-{crc:08x}{suffix}"  # of its own: an older entry is whole until the last moment
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        before, took = self.find(key), spent()
        facts = {
            "content": path.name,
            "kind": kind,
            "size": size,
            "seconds": round(took.seconds, 3),
            "gpu_seconds": round(took.gpu_seconds, 3),
            "crc32": crc,
            "made": made,
            "pinned": before is not None and before.pinned,
        }
        try:
            self._write_facts(key, facts)
        except BaseException:
            if not (before and before.path == path):
                _unlink(path)
            raise
        if before and before.path != path:
            _unlink(before.path)
        return entry_of(key, path, facts, time.time()), facts

    def _fetched(self, key: str) -> Entry | None:
        if self._remote is None:
            return None
        remote = self._remote
        try:
            facts = remote.facts(key)
            if facts is None:
                return None
            content = self._facts(key).with_name(str(facts["content"]))  # a name alone: ValueError for a path

            def write(part: Path) -> None:
                remote.fetch(content.name, int(facts["size"]), part)
                if checksum(part) != facts["crc32"]:
                    raise ValueError("its checksum is wrong")

            spent = spent_of(facts)
            return self._write(key, str(facts["kind"]), content.suffix, write, lambda: spent, str(facts["made"]))[0]
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
            logger.warning("cannot take %s from the shared cache: %s", key, error)
            return None

    def touch(self, entry: Entry) -> None:
        """The entry has been used now."""
        try:
            os.utime(self._facts(entry.key))
        except OSError as error:  # a folder that is only for reading
            logger.debug("cannot note the use of %s: %s", entry.path, error)

    def pin(self, entry: Entry, pinned: bool = True) -> None:
        """Keep an entry when room is made, or no longer.

        Raises:
            OSError: the folder cannot be written, or the entry is gone.
        """
        facts = json.loads(self._facts(entry.key).read_text(encoding="utf-8")) | {"pinned": pinned}
        self._write_facts(entry.key, facts)

    def remove(self, entry: Entry) -> None:
        """Drop an entry, but none that has taken its place since.

        What another process reads at this moment may stay until later (Windows).
        """
        there = self.find(entry.key)
        if there is None or there.path == entry.path:
            _unlink(self._facts(entry.key))  # first: it is never half an entry
        _unlink(entry.path)

    def trim(self, now: float | None = None) -> list[Entry]:
        """Keep within the limits, and remove what killed processes have left."""
        entries, removed = list(self.entries()), []
        for entry in self._limits.surplus(entries, time.time() if now is None else now):
            if self.find(entry.key) in (entry, None):  # not used or made anew since the list was made
                self.remove(entry)
                removed.append(entry)
        self._sweep(entries)
        return removed

    def verify(self) -> list[Entry]:
        """Read every entry, and drop and give those that are damaged, and what killed processes have left."""
        damaged = []
        for entry in self.entries():
            if is_damaged(entry):
                self.remove(entry)  # at once: it may be made anew while the others are read
                damaged.append(entry)
        self._sweep(self.entries())
        return damaged

    def _sweep(self, entries: Iterable[Entry]) -> None:
        """Remove what belongs to no entry and is old enough not to be in the making."""
        named = {entry.path for entry in entries}
        for path in self.folder.glob(f"{_FOLDERS}/*"):
            if path not in named and _CONTENT.fullmatch(path.name) and self._is_abandoned(path):
                _unlink(path)

    def _is_abandoned(self, path: Path) -> bool:
        try:
            if time.time() - path.stat().st_mtime < _ABANDONED:
                return False
            facts = json.loads(self._facts(path.name.partition("-")[0]).read_text(encoding="utf-8"))
            return bool(facts["content"] != path.name)
        except OSError as error:  # one that cannot be read now may name it
            return isinstance(error, FileNotFoundError)
        except (ValueError, KeyError, TypeError):
            return True

    def _read(self, path: Path) -> Entry | None:
        try:
            facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            entry = entry_of(path.stem, path.with_name(str(facts["content"])), facts, path.stat().st_mtime)
            return entry if entry.path.stat().st_size == entry.size else None
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
            return None

    def _write_facts(self, key: str, facts: Mapping[str, Any]) -> None:
        path = self._facts(key)
        part = path.with_name(f".{uuid.uuid4().hex}.json")
        try:
            part.write_text(to_json(facts, indent=1), encoding="utf-8")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _facts(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.info("cannot remove %s yet: %s", path, error)
