"""A real ComfyUI server with this pack in it, on a free loopback port. Standard library only."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACK = "frugal-motion"
START_SECONDS = 300.0
STOP_SECONDS = 10.0


class ServerError(RuntimeError):
    """The server did not start, died, or refused what was asked."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: where it answers.
        base: its base directory: input, output, user, temp, custom_nodes.
        log: what it prints.
        process: the running program.
    """

    url: str
    base: Path
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> Any:
        """The JSON behind ``path``, e.g. ``/object_info``."""
        return _get(self.url + path)

    def post(self, path: str, body: Any) -> Any:
        """The JSON that ``path`` answers to ``body``, which is sent as JSON.

        Raises:
            ServerError: it is refused; the message says why.
        """
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310  our own loopback server
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ServerError(f"{path}: {error.code} {error.read()[:2000].decode(errors='replace')}") from error


@contextmanager
def running(
    comfyui: Path,
    base: Path,
    *,
    python: Path | str = sys.executable,
    assets: Path | None = None,
    pack: Path = ROOT,
    is_cpu: bool | None = None,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """Start a server and end it afterwards.

    Args:
        comfyui: ComfyUI's folder; nothing is written there.
        base: its base directory, made if need be. Keep it to keep caches and outputs.
        python: the interpreter that has ComfyUI's and the pack's requirements.
        assets: folder with ``models/<folder>`` and ``input``, offered besides those of ``base``.
        pack: the pack to load.
        is_cpu: keep off the GPU; ``None``: where ``python`` finds none, which takes seconds to ask.
        options: more command line options for ComfyUI.
        env: its environment; this process's own if it is ``None``.
        log: what it prints goes there; ``server.log`` in ``base`` if it is ``None``.

    Raises:
        ServerError: it ended or stayed silent while starting; the message ends with the log's last lines.
    """
    prepare(base, pack)
    if assets:
        options = [*_assets(base, assets), *options]
    port = free_port()
    command = [
        *(str(python), "main.py", "--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(base)),
        *("--database-url", "sqlite:///:memory:", "--disable-auto-launch", "--disable-api-nodes"),
        *(["--cpu"] if (not has_accelerator(python) if is_cpu is None else is_cpu) else []),
        *options,
    ]
    # On few cores, threads that spin while they wait slow everything down several times.
    env = {"OMP_WAIT_POLICY": "PASSIVE", **(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"}
    # As many threads as a user's server has, also where tests run side by side: sums depend on it in the last digits.
    env.pop("OMP_NUM_THREADS", None)
    log = log or base / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=comfyui, env=env, stdout=output, stderr=subprocess.STDOUT)
    server = Server(f"http://127.0.0.1:{port}", base, log, process)
    try:
        _wait(server)
        yield server
    finally:
        _end(process)


def prepare(base: Path, pack: Path = ROOT) -> None:
    """Make a base directory with the pack linked into ``custom_nodes``."""
    for name in ("custom_nodes", "input", "output", "temp", "user", "models"):
        (base / name).mkdir(parents=True, exist_ok=True)
    link = base / "custom_nodes" / PACK
    if link.exists() and link.resolve() == pack.resolve():
        return
    if link.is_symlink():
        link.unlink()
    _link_folder(pack.resolve(), link)


@cache
def has_accelerator(python: Path | str) -> bool:
    """Whether ComfyUI finds something better than the CPU: it refuses to start without, unless told ``--cpu``."""
    probe = (
        "import torch; "
        "print(int(torch.cuda.is_available() or torch.backends.mps.is_available() "
        "or (hasattr(torch, 'xpu') and torch.xpu.is_available())))"
    )
    done = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "1"


def _assets(base: Path, assets: Path) -> list[str]:
    """Copy the clips into the input folder, and have the models searched where they lie."""
    for clip in (assets / "input").glob("*.*"):
        if not (base / "input" / clip.name).exists():
            shutil.copyfile(clip, base / "input" / clip.name)
    folders = {folder.name: folder.name for folder in (assets / "models").iterdir() if folder.is_dir()}
    paths = base / "extra_model_paths.yaml"
    # JSON is YAML, and quotes what YAML would trip over, such as a Windows path.
    paths.write_text(json.dumps({PACK: {"base_path": str(assets / "models"), **folders}}), encoding="utf-8")
    return ["--extra-model-paths-config", str(paths)]


def _link_folder(source: Path, link: Path) -> None:
    try:
        link.symlink_to(source, target_is_directory=True)
    except OSError:
        if os.name != "nt":
            raise
        import _winapi  # symlinks want a privilege on Windows, junctions do not

        _winapi.CreateJunction(str(source), str(link))  # type: ignore[attr-defined]


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise ServerError(
                f"ComfyUI ended with status {server.process.returncode} while starting.\n{tail(server.log)}"
            )
        try:
            server.get("/system_stats")
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.25)
    raise ServerError(f"ComfyUI did not answer within {START_SECONDS:.0f} s.\n{tail(server.log)}")


def tail(log: Path, lines: int = 40) -> str:
    """The last lines of a log."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"--- last lines of {log} ---", *text[-lines:]])


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310  our own loopback server
        return json.load(reply)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
