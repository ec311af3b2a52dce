"""Files of jobs, on their way to the store: what lines of an answer show, and what else is in the jobs' folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..jobs.job import FOLDER as JOBS
from ..jobs.job import OWN
from .order import Order
from .places import is_confined

TEMP = "temp"
"""The folder of a job for what is not in its own folder."""

Line = dict[str, Any]
Put = Callable[[str, str, str, Path], None]
"""Brings a file to the store: of a job, of a run, under a name."""


class Outgoing:
    """Sends the files of one batch, each once.

    Args:
        base: where ComfyUI's folders are.
        order: what is run.
        put: see ``Put``.
    """

    def __init__(self, base: Path, order: Order, put: Put) -> None:
        self._base, self._order, self._put = base, order, put
        self._sent: dict[tuple[str, str], Path] = {}

    def pass_on(self, line: Mapping[str, Any]) -> Line:
        """A line as the gateway is to read it; the files that it shows are in the store by then.

        Raises:
            OSError: one cannot be sent.
        """
        line = dict(line)
        places, complete = line.pop("places", None), line.pop("complete", ())
        if "shown" in line:
            output = self._sent_output(line["output"], places or ())
            self._send_folders(complete)
            return {**line, "output": output}
        if "ended" not in line:
            return line
        outputs = {
            node: self._sent_output(output, (places or {}).get(node, ()))
            for node, output in line["ended"]["outputs"].items()
        }
        self._send_folders(range(len(self._order.jobs)))
        return {**line, "ended": {**line["ended"], "outputs": outputs}}

    def remove(self) -> None:
        """Remove the jobs' own folders. Other files may be shown again: ComfyUI remembers them."""
        for job in self._order.jobs:
            shutil.rmtree(self._folder(job), ignore_errors=True)  # Windows removes nothing that is open

    def _folder(self, job: str) -> Path:
        """Where a job saves."""
        return self._base / "output" / JOBS / job

    def _send_folders(self, places: Iterable[int]) -> None:
        """Send what else jobs at these places have saved, which nobody writes to any more.

        Not all is shown: of a sequence of pictures only the first, and of a motion or weights none.
        """
        for job in (self._order.jobs[place] for place in places):
            folder = self._folder(job)
            for path in sorted(folder.rglob("*")):
                name = path.relative_to(folder).as_posix()
                if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
                    self._send(job, name, path)

    def _sent_output(self, output: Mapping[str, Any], places: Sequence[int]) -> dict[str, Any]:
        """What a node shows, to the jobs at these places."""
        return {
            key: [self._sent_file(value, places) if _is_file(value) else value for value in values]
            if isinstance(values, list)
            else values
            for key, values in output.items()
        }

    def _sent_file(self, shown: Mapping[str, Any], places: Sequence[int]) -> Mapping[str, Any]:
        """A file, where the gateway will have it. What is not there, as a picture that is long gone, stays as it is."""
        folder, kind = shown.get("subfolder", "").replace("\\", "/").strip("/"), shown.get("type", "output")
        name = f"{folder}/{shown['filename']}".lstrip("/")
        if kind not in ("output", "temp") or not is_confined(name) or not (self._base / kind / name).is_file():
            return shown
        path = self._base / kind / name
        job, own = self._own(name) if kind == "output" else ("", "")
        if job:
            self._send(job, own, path)
            return shown
        if not places:
            return shown
        jobs, flat = [self._order.jobs[place] for place in places], name.replace("/", "_").lstrip(".")
        if self._sent.get((jobs[0], f"{TEMP}/{flat}"), path) != path:  # as output/a.png and temp/a.png
            flat = f"{kind}_{flat}"
        for job in jobs:  # none is to be told the id of another one, or to lose its file with it
            self._send(job, f"{TEMP}/{flat}", path)
        return {**shown, "filename": flat, "subfolder": f"{JOBS}/{OWN}/{TEMP}", "type": "output"}

    def _own(self, name: str) -> tuple[str, str]:
        """The job in whose folder a file is, and the rest of its path; empty if it is in no job's."""
        first, _, rest = name.partition("/")
        job, _, rest = rest.partition("/")
        return (job, rest) if first == JOBS and job in self._order.jobs else ("", "")

    def _send(self, job: str, name: str, path: Path) -> None:
        if (job, name) not in self._sent:
            self._put(job, self._order.run, name, path)
            self._sent[job, name] = path


def _is_file(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(key, ""), str) for key in ("subfolder", "type"))
        and (isinstance(value.get("filename"), str))
    )
