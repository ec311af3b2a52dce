"""A ComfyUI of a worker's own, as its child. Standard library only, so that it is on its way at once."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .version import ROOT

SECRET = "FRUGAL_MOTION_WORKER"  # noqa: S105  the name of the variable that has it
PACK = "frugal-motion"
FOLDERS = ("input", "output", "temp", "user")
_START_SECONDS = 600.0
_STOP_SECONDS = 10.0
_LOOK_EVERY = 0.1  # seconds
_LINES = 40
_NOT_ITS_OWN = ("RAY_", "PYTHON", "FRUGAL_MOTION_FLEET", "OMP_NUM_THREADS")
"""Beginnings of variables of the owner's: Ray's, and what Ray has set, are nothing to ComfyUI, whose own ``nodes`` the
pack's folder on ``PYTHONPATH`` would hide."""


class ChildError(RuntimeError):
    """ComfyUI did not start, or has ended; says how, with the last lines of its log."""


@dataclass(frozen=True)
class Wanted:
    """How a ComfyUI is to be started.

    Attributes:
        comfyui: its folder; its models and custom nodes are used, and nothing else is written there.
        base: where its input, output, temp and user folders are, made if need be.
        options: more of its command line.
        models: an extra_model_paths.yaml; empty for none.
        env: variables besides those of this process.
        cpu: there is no accelerator: ComfyUI refuses to start without, unless it is told.
    """

    comfyui: Path
    base: Path
    options: Sequence[str] = ()
    models: str = ""
    env: Mapping[str, str] | None = None
    cpu: bool = False


def found_comfyui(given: str = "") -> Path:
    """ComfyUI's folder: as given, or COMFYUI_PATH, or that in whose ``custom_nodes`` the pack lies, or the clone's own.

    Raises:
        ChildError: there is none.
    """
    places = [given] if given else [os.environ.get("COMFYUI_PATH", ""), str(ROOT.parents[1]), str(ROOT / ".comfyui")]
    for place in filter(None, places):
        if (Path(place).expanduser() / "main.py").is_file():
            return Path(place).expanduser().resolve()
    raise ChildError(
        f"no ComfyUI in {' or '.join(filter(None, places))}: name its folder in `comfyui`, or COMFYUI_PATH"
    )


class Child:
    """A ComfyUI that starts, and ends with this process, however that ends."""

    def __init__(self, wanted: Wanted) -> None:
        self._secret = secrets.token_urlsafe(32)
        self.headers = {"Authorization": f"Bearer {self._secret}"}
        self._lines: deque[str] = deque(maxlen=_LINES)
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        # The pipe to its standard input is how it learns that this process is gone.
        self.process = subprocess.Popen(
            _command(wanted, port),
            cwd=wanted.comfyui,
            env=_env(wanted, self._secret),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._began = began
        self._reader = threading.Thread(target=self._read, name="frugal-motion ComfyUI", daemon=True)
        self._reader.start()

    def wait(self) -> float:
        """Wait until it answers; the seconds since it was started.

        Raises:
            ChildError: it has ended, or does not answer.
        """
        while time.monotonic() < self._began + _START_SECONDS:
            if how := self.ended():
                raise ChildError(how)
            try:
                self.ask("/frugal-motion/worker")
                return time.monotonic() - self._began
            except urllib.error.HTTPError as error:
                raise ChildError(f"ComfyUI runs without this pack (status {error.code}).\n{self.log()}") from error
            except OSError:  # not yet
                time.sleep(_LOOK_EVERY)
        raise ChildError(f"ComfyUI did not answer within {_START_SECONDS:.0f} s.\n{self.log()}")

    def ask(self, path: str, timeout: float = 30.0) -> Any:
        """The JSON behind a path.

        Raises:
            OSError: it does not answer.
        """
        request = urllib.request.Request(self.url + path, headers=self.headers)  # noqa: S310  our own loopback server
        with _direct.open(request, timeout=timeout) as answer:
            return json.load(answer)

    def ended(self) -> str:
        """How it has ended, with the last lines of its log; empty as long as it lives."""
        status = self.process.poll()
        if status is None:
            return ""
        self._reader.join(_STOP_SECONDS / 10)
        return f"ComfyUI ended with status {status}.\n{self.log()}"

    def last_line(self) -> str:
        """What it has said last."""
        return next((line for line in reversed(self._lines) if line.strip()), "")

    def log(self) -> str:
        """The last lines that it has said."""
        return "\n".join(self._lines)

    def end(self) -> None:
        """End it, and wait for that."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _read(self) -> None:
        """Remember its last lines, and pass on what it says: Ray keeps that, and limits it."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.strip() and "%|" not in line:  # bars of progress
                self._lines.append(line.rstrip())
                print(line, end="", flush=True)


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy there is, not to ourselves


def _command(wanted: Wanted, port: int) -> list[str]:
    for name in FOLDERS:
        (wanted.base / name).mkdir(parents=True, exist_ok=True)
    folders = [("--input-directory", "input"), ("--output-directory", "output"), ("--user-directory", "user")]
    paths = [wanted.models, str(_pack_paths(wanted.base))] if not _has_pack(wanted.comfyui) else [wanted.models]
    return [
        *(sys.executable, "main.py", "--listen", "127.0.0.1", "--port", str(port)),
        *(part for option, name in folders for part in (option, str(wanted.base / name))),
        *("--temp-directory", str(wanted.base)),  # it adds a folder "temp"
        *("--database-url", "sqlite:///:memory:", "--disable-auto-launch", "--disable-api-nodes"),
        *(part for path in filter(None, paths) for part in ("--extra-model-paths-config", path)),
        *(["--cpu"] if wanted.cpu and "--cpu" not in wanted.options else []),
        *wanted.options,
    ]


def _env(wanted: Wanted, secret: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_ITS_OWN)}
    # On few cores, threads that spin while they wait slow everything down several times.
    own.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return {**own, **(wanted.env or {}), "PYTHONUNBUFFERED": "1", SECRET: secret}


def _has_pack(comfyui: Path) -> bool:
    """Whether it is installed there."""
    folder = comfyui / "custom_nodes"
    return folder.is_dir() and any(path.resolve() == ROOT for path in folder.iterdir())


def _pack_paths(base: Path) -> Path:
    """A file that tells ComfyUI of the pack, which lies elsewhere."""
    (base / "custom_nodes").mkdir(parents=True, exist_ok=True)
    link = base / "custom_nodes" / PACK
    if not link.exists():
        _link_folder(ROOT, link)
    paths = base / "extra_model_paths.yaml"
    # JSON is YAML, and quotes what YAML would trip over, such as a Windows path.
    paths.write_text(json.dumps({PACK: {"base_path": str(base), "custom_nodes": "custom_nodes"}}), encoding="utf-8")
    return paths


def _link_folder(source: Path, link: Path) -> None:
    try:
        link.symlink_to(source, target_is_directory=True)
    except OSError:
        if os.name != "nt":
            raise
        import _winapi  # symlinks want a privilege on Windows, junctions do not

        _winapi.CreateJunction(str(source), str(link))  # type: ignore[attr-defined]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
