"""What the last runs have cost, kept on disk."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..strict_json import to_json

logger = logging.getLogger(__name__)

KEPT = 200
_NAME = re.compile(r"(\d{15})-([0-9A-Za-z-]{1,64})\.json")  # milliseconds since 1970, and the prompt id


class RunBook:
    """A folder with a file for each of the last runs.

    Args:
        folder: made if need be.
        kept: files that stay; the oldest go.
    """

    def __init__(self, folder: Path, kept: int = KEPT) -> None:
        self.folder, self._kept = folder, kept

    def add(self, run: str, milliseconds: int, record: dict[str, Any]) -> None:
        """Keep a run.

        Args:
            run: its prompt id.
            milliseconds: when it ended, since 1970.
            record: what JSON can hold.

        Raises:
            OSError: the folder cannot be written.
        """
        name = f"{milliseconds:015d}-{re.sub(r'[^0-9A-Za-z-]', '-', run)[:64]}.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = self.folder / f"{name}.{os.getpid()}.part"
        aside.write_text(to_json({"run": run, "ended": milliseconds / 1000, **record}), encoding="utf-8")
        os.replace(aside, self.folder / name)
        for old in self._files()[self._kept :]:
            old.unlink(missing_ok=True)

    def newest(self, limit: int = KEPT) -> Iterator[dict[str, Any]]:
        """Records, the newest first; what cannot be read is passed over."""
        for path in self._files()[:limit]:
            try:
                record: Any = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                logger.warning("the record of a run cannot be read, %s: %s", path, error)
                continue
            if isinstance(record, dict):
                yield record

    def find(self, run: str) -> dict[str, Any] | None:
        """The record of a run."""
        return next((record for record in self.newest() if record.get("run") == run), None)

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)
