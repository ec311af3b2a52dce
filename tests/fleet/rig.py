"""A fleet on this machine whose every part can be killed, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil

from tools.server import ROOT, Server, running

from .cluster import Cluster, Node, ray_head

COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
ASSETS = ROOT / ".assets"
JOBS, FLEET = "/frugal-motion/jobs", "/frugal-motion/fleet"
ENDED = {"done", "failed", "cancelled"}
SMALL: dict[str, Any] = {
    "Checkpoint.ckpt_name": "frugal-demo.ckpt",
    "ControlNet.control_net_name": "frugal-demo-openpose.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Load Video.file": "one_person.mp4",
    "Load Video.duration": 0.5,
    "Load Video.size": "custom",
    "Load Video.width": 128,
    "Load Video.height": 128,
    "Load Video.fit": "cover",
    "Sampler.cfg": 2.5,
    "Sampler.steps": 2,
    "Cache Keyframes.enabled": False,
    "Cache Video.enabled": False,
    "Save Video.codec": "lossless",
}
EQUAL = 1e-4
"""Mean difference of frames whose values are 0..1, in fp32."""


@dataclass
class Rig:
    """A fleet.

    Attributes:
        cluster: Ray.
        base: folder of the gateway; its ``fleet`` is the workers' home.
        env: of a gateway.
        options: of every ComfyUI.
        deployment: what the file for Serve says otherwise of the workers.
        gateway: as long as it runs.
    """

    cluster: Cluster
    base: Path
    env: dict[str, str]
    options: Sequence[str] = ("--cpu",)
    deployment: dict[str, Any] = field(default_factory=dict)
    gateway: Server | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def home(self) -> Path:
        """Of the workers."""
        return self.base / "fleet"

    def start_gateway(self, base: Path | None = None, **env: str) -> Server:
        """One that runs until the fleet is over."""
        given = {**self.env, **env}
        return self._stack.enter_context(
            running(COMFYUI, base or self.base, assets=ASSETS, options=self.options, env=given)
        )

    def kill_gateway(self) -> None:
        """By ``kill -9``."""
        assert self.gateway
        self.gateway.process.kill()
        self.gateway.process.wait()

    def deploy(self) -> None:
        """Have the workers started; they come up by and by."""
        import yaml

        config = yaml.safe_load((ROOT / "fleet" / "fleet-cpu.yaml").read_text(encoding="utf-8"))
        (app,) = config["applications"]
        models = self.base / "models.yaml"
        folders = {path.name: path.name for path in (ASSETS / "models").iterdir() if path.is_dir()}
        models.write_text(json.dumps({"all": {"base_path": str(ASSETS / "models"), **folders}}), encoding="utf-8")
        app["args"] |= {"home": str(self.home), "models": str(models), "options": list(self.options)}
        app["deployments"][0] |= self.deployment
        file = self.cluster.folder / "fleet.json"  # JSON is YAML too
        file.write_text(json.dumps(config), encoding="utf-8")
        self.cluster.run("-m", "ray.serve.scripts", "run", "--non-blocking", f"--address={self.cluster.address}", file)

    def ask(self, path: str, body: Any = None) -> Any:
        """What the gateway answers."""
        assert self.gateway
        return asked(self.gateway, path, body)[1]

    def post(self, client: str = "", webhook: str = "", **values: Any) -> str:
        """Post a small job; its id."""
        values = {name.replace("__", "."): value for name, value in values.items()}
        body = {"workflow": "motion_edit", "values": {**SMALL, **values}, "client": client, "webhook": webhook}
        answer = self.ask(JOBS, body)
        assert "job_id" in answer, answer
        return str(answer["job_id"])

    def jobs(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """As the gateway knows them; all at once, since one by one it also estimates what they will cost."""
        known = {job["job_id"]: job for job in self.ask(f"{JOBS}?limit=1000")["jobs"]} if ids else {}
        return [known[job] for job in ids]

    def workers(self) -> list[dict[str, Any]]:
        """As the gateway tells."""
        found: list[dict[str, Any]] = self.ask(FLEET).get("workers", [])
        return found

    def wait_for_workers(self, count: int, seconds: float = 300) -> None:
        """Until there are as many."""
        until(lambda: len(self.workers()) >= count, f"{count} workers", seconds)

    def comfyuis(self) -> list[psutil.Process]:
        """Of the workers, whose parents are the replicas."""
        mark, found = f"{self.home}/workers/", []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "main.py" in words and any(word.startswith(mark) for word in words):
                found.append(process)
        return found

    def comfyui_of(self, worker: str) -> psutil.Process:
        """The ComfyUI of one worker."""
        return next(one for one in self.comfyuis() if any(f"/{worker}/" in word for word in one.cmdline()))

    def files(self, job: str) -> list[tuple[str, int, int]]:
        """Of a job: names, nodes of the file system, and times of change."""
        folder = self.base / "output" / "jobs" / job
        stats = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
        return sorted((str(path.relative_to(folder)), stat.st_ino, stat.st_mtime_ns) for path, stat in stats)

    def video(self, job: str) -> Path:
        """The only file of a job."""
        ((name, *_),) = self.files(job)
        return self.base / "output" / "jobs" / job / name


@contextmanager
def rig(
    base: Path,
    *head: str,
    ray: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    options: Sequence[str] = ("--cpu",),
    deployment: Mapping[str, Any] | None = None,
) -> Iterator[Rig]:
    """Ray's head, and a gateway that waits for workers to be deployed.

    Args:
        head: options of ``ray start``.
        ray: variables for all of Ray.
        settings: of the gateway, by their names in the environment.
        options: of every ComfyUI.
        deployment: what the file for Serve says otherwise of the workers.
    """
    closed = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_worker_niceness": "0"}
    of_workers = {"PYTHONPATH": str(ROOT), "COMFYUI_PATH": str(COMFYUI), "OMP_WAIT_POLICY": "PASSIVE"}
    with ray_head(*head, more={**closed, **of_workers, **(ray or {})}) as cluster, ExitStack() as stack:
        env = {name: value for name, value in cluster.env.items() if not name.startswith(("PYTHON", "FRUGAL_MOTION_"))}
        env |= {"FRUGAL_MOTION_FLEET": cluster.address, **(settings or {})}
        made = Rig(cluster, base, env, options, dict(deployment or {}), _stack=stack)
        made.gateway = made.start_gateway()
        try:
            yield made
        finally:
            for process in made.comfyuis():  # which a replica that was frozen has not ended
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def asked(server: Server, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON of a route."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def until(holds: Callable[[], Any], what: str, seconds: float = 300) -> Any:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def send(node: Node, what: signal.Signals) -> None:
    """Give a signal to all processes of a machine; replicas have groups of their own."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(node.process.pid)
        for process in [first, *first.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(what)


def frames(path: Path) -> np.ndarray[Any, Any]:
    """Of a video, (frames, height, width, 3), 0..255."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24").astype(np.int16) for frame in container.decode(video=0)])


def difference(one: Path, other: Path) -> float:
    """Mean difference of two videos, of values 0..1."""
    mine, its = frames(one), frames(other)
    return float(np.abs(mine - its).mean()) / 255 if mine.shape == its.shape else float("inf")


def loopback_only(command: Sequence[str | Path], **given: Any) -> subprocess.CompletedProcess[str]:
    """Run a command where there is no other interface.

    Raises:
        OSError: the system does not allow that.
    """
    enter = ["unshare", "--map-root-user", "--net"]
    up = "import fcntl, os, socket, struct, sys; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 1))"
    begin = f"{up}; os.execv(sys.argv[1], sys.argv[1:])"
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        raise OSError("no namespaces")
    return subprocess.run([*enter, sys.executable, "-c", begin, *command], check=False, **given)
