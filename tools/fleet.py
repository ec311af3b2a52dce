"""``make fleet``: two workers without a GPU and a gateway on this machine, and four jobs through them.

``--keep`` leaves all of it running until Ctrl-C. It listens on the loopback interface alone, tells nobody, and ends
what it has started and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import server
from .demo import ASSETS, STAND_INS, WORKFLOWS
from .environment import CACHE
from .process import ROOT, say

BASE = CACHE / "fleet"
"""Base folder of the gateway, and below it what the workers keep: their cache stays."""
SERVE_FILE = ROOT / "fleet" / "fleet-cpu.yaml"
PROMPTS = (
    "a neon robot at night",
    "a marble statue in a forest",
    "a neon robot on a beach",
    "a marble statue at night",
)
STORE_BYTES = 100_000_000
"""Of a Ray node's object store: lines of JSON are all that passes through it."""
START_SECONDS = 300.0
JOB_SECONDS = 1800.0
STOP_SECONDS = 5.0
ENDED = ("done", "failed", "cancelled")


class FleetError(RuntimeError):
    """The fleet did not come up, or a job did not end."""


@dataclass(frozen=True)
class Fleet:
    """A fleet that runs.

    Attributes:
        gateway: its ComfyUI.
        address: of Ray.
        env: what else joins the cluster needs, the token too.
        pids: of the processes that were started here, by what they are: ``ray`` (which leads a group of its own) and
            ``gateway``.
        folder: Ray's own: logs and sockets.
    """

    gateway: server.Server
    address: str
    env: Mapping[str, str]
    pids: Mapping[str, int]
    folder: Path


@contextmanager
def fleet_running(
    comfyui: Path,
    base: Path,
    *,
    python: Path | str = sys.executable,
    assets: Path = ASSETS,
    pack: Path = ROOT,
    workers: int = 2,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Fleet]:
    """A Ray head on the loopback interface, workers on it, and a gateway; ended afterwards.

    Args:
        comfyui: ComfyUI's folder; nothing is written there.
        base: base folder of the gateway; its ``fleet`` has what the workers keep.
        python: the interpreter that has ComfyUI's, the pack's and Ray's requirements.
        assets: models and clips, as ``make models`` brings them.
        pack: the pack that gateway and workers load.
        workers: how many.
        settings: of the gateway's pack, by the names that they have in the environment.

    Raises:
        FleetError: a part of it did not start; the message has the last lines of its log.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="fm-"))  # a short path: sockets lie in it, for its owner alone
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        address = f"127.0.0.1:{server.free_port()}"
        env = _environment(folder)
        head = stack.enter_context(_head(python, address, {**env, **_of_workers(comfyui, pack)}, folder))
        of_gateway = {**env, "FRUGAL_MOTION_FLEET": address, **(settings or {})}
        gateway = stack.enter_context(
            server.running(comfyui, base, python=python, assets=assets, pack=pack, options=["--cpu"], env=of_gateway)
        )
        _deploy(python, pack, address, env, folder, _serve_config(workers, base))
        yield Fleet(gateway, address, env, {"ray": head.pid, "gateway": gateway.process.pid}, folder)


def _environment(folder: Path) -> dict[str, str]:
    """For all that has to do with Ray: a token of this fleet alone, and addresses that nobody else reaches."""
    token = folder / "token"
    token.touch(0o600)
    token.write_text(secrets.token_hex(32), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "FRUGAL_MOTION_"))}
    env |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    env["RAY_worker_niceness"] = "0"  # else whatever else runs on the machine goes before ComfyUI
    # Else Ray takes the machine's own address for 127.0.0.1, and listens on all.
    return {**env, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def _of_workers(comfyui: Path, pack: Path) -> dict[str, str]:
    """Where they find what they run; they have it from Ray, and Ray from its start."""
    return {"PYTHONPATH": str(pack), "COMFYUI_PATH": str(comfyui)}


@contextmanager
def _head(python: Path | str, address: str, env: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    host, _, port = address.partition(":")
    options = [f"--node-ip-address={host}", f"--port={port}", f"--object-store-memory={STORE_BYTES}"]
    options += [f"--temp-dir={folder / 'ray'}", "--include-dashboard=false", "--disable-usage-stats"]
    # Free ones: there may be another Ray.
    options += [f"--{name}=0" for name in ("dashboard-agent-listen-port", "min-worker-port", "max-worker-port")]
    options += [f"--ray-client-server-port={server.free_port()}"]
    log = folder / "head.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "ray.scripts.scripts", "start", "--head", "--block", *options],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(lambda: b"Ray runtime started" in log.read_bytes(), process, "Ray", log)
        yield process
    finally:
        _end_group(process)


def _wait(is_up: Any, process: subprocess.Popen[bytes], what: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_up():
        if process.poll() is not None:
            raise FleetError(f"{what} ended with status {process.returncode} while starting.\n{server.tail(log)}")
        if time.monotonic() > until:
            raise FleetError(f"{what} did not start within {START_SECONDS:.0f} s.\n{server.tail(log)}")
        time.sleep(0.2)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End Ray's processes: nobody else is in that group. Workers follow their raylet."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _serve_config(workers: int, base: Path) -> str:
    """The shipped file for a machine without a GPU, with places of its own. JSON is YAML too."""
    import yaml

    config = yaml.safe_load(SERVE_FILE.read_text(encoding="utf-8"))
    (app,) = config["applications"]
    app["args"] |= {"home": str(base / "fleet"), "models": str(base / "extra_model_paths.yaml")}
    app["deployments"][0]["num_replicas"] = workers
    return json.dumps(config)


def _deploy(python: Path | str, pack: Path, address: str, env: Mapping[str, str], folder: Path, config: str) -> None:
    """Have the workers started; they come up by and by."""
    file, log = folder / "fleet.json", folder / "deploy.log"
    file.write_text(config, encoding="utf-8")
    command = [python, "-m", "ray.serve.scripts", "run", "--non-blocking", f"--address={address}", file]
    with log.open("wb") as output:
        done = subprocess.run(command, cwd=pack, env=dict(env), stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise FleetError(f"Ray Serve does not take {SERVE_FILE.name}.\n{server.tail(log)}")


def run_fleet(fleet: Fleet, workers: int) -> None:
    """Wait for the workers, run four jobs, and say what happened.

    Raises:
        FleetError: a worker does not come up, or a job fails.
        ServerError: a job is refused.
    """
    say(f"gateway at {fleet.gateway.url}; waiting for {workers} workers")
    _wait_for_workers(fleet, workers)
    say(f"running {len(PROMPTS)} jobs")
    asked = [{"workflow": "motion_edit", "values": job_values(text, seed)} for seed, text in enumerate(PROMPTS)]
    jobs = [str(fleet.gateway.post("/frugal-motion/jobs", body)["job_id"]) for body in asked]
    ended = _watch(fleet, jobs)
    for text, job in zip(PROMPTS, ended, strict=True):
        print(f"\n{text}: {job['state']}, on {job.get('worker') or 'a worker'}")
        print(*(error for error in [job.get("error")] if error), *_files(fleet, job), sep="\n")
    print(f"\nGET /frugal-motion/fleet\n{json.dumps(fleet.gateway.get('/frugal-motion/fleet'), indent=1)}")
    if failed := [job["job_id"] for job in ended if job["state"] != "done"]:
        raise FleetError(f"not done: {', '.join(failed)}; the logs are below {fleet.folder} and {fleet.gateway.base}")


def _wait_for_workers(fleet: Fleet, workers: int) -> None:
    until = time.monotonic() + START_SECONDS
    while len((told := fleet.gateway.get("/frugal-motion/fleet")).get("workers", [])) < workers:
        if time.monotonic() > until:
            raise FleetError(
                f"no {workers} workers within {START_SECONDS:.0f} s: {told}; {fleet.folder} has Ray's logs"
            )
        time.sleep(1)


def job_values(prompt: str, seed: int) -> dict[str, Any]:
    """What *Motion Edit* is given for a second of the demo's clip, with small models, frames and few steps."""
    graph = json.loads((WORKFLOWS / "motion_edit.json").read_text(encoding="utf-8"))
    known = {node["_meta"]["title"]: node["inputs"] for node in graph.values()}
    wanted = {tuple(name.rsplit(".", 1)): text for group in STAND_INS.values() for name, text in group.items()}
    values = {
        f"{title}.{key}": _as(known[title][key], text)
        for (title, key), text in wanted.items()
        if key in known.get(title, {})
    }
    return values | {
        "Load Video.file": "one_person.mp4",
        "Load Video.duration": 1.0,
        "Load Video.width": 128,
        "Load Video.height": 128,
        "Sampler.steps": 8,
        "Prompt.text": prompt,
        "Sampler.seed": seed,
    }


def _as(example: Any, text: str) -> Any:
    """The text as a value of the same type as the workflow's own."""
    return json.loads(text) if isinstance(example, int | float) else text


def _watch(fleet: Fleet, jobs: Sequence[str]) -> list[dict[str, Any]]:
    """Wait until all have ended, and say when one changes its state."""
    states: dict[str, str] = {}
    until = time.monotonic() + JOB_SECONDS
    while time.monotonic() < until:
        found = [fleet.gateway.get(f"/frugal-motion/jobs/{job}") for job in jobs]
        for job in found:
            if states.get(job["job_id"]) != job["state"]:
                states[job["job_id"]] = job["state"]
                say(f"{job['job_id']}: {job['state']}")
        if all(job["state"] in ENDED for job in found):
            return found
        time.sleep(0.5)
    raise FleetError(f"the jobs have not ended within {JOB_SECONDS:.0f} s: {states}")


def _files(fleet: Fleet, job: Mapping[str, Any]) -> list[str]:
    folder = fleet.gateway.base / "output" / "jobs" / str(job["job_id"])
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="dev.py fleet", description=__doc__)
    parser.add_argument("--comfyui", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    chosen = parser.parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):  # what has been started is ended all the same
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    # Two jobs in a batch, so that four of them are work for two workers.
    settings = {"FRUGAL_MOTION_JOBS_BATCH": "2"}
    shutil.rmtree(BASE / "user", ignore_errors=True)  # jobs of a run that was broken off would come first
    say("starting Ray, the gateway and the workers")
    try:
        with fleet_running(chosen.comfyui, BASE, workers=chosen.workers, settings=settings) as fleet:
            run_fleet(fleet, chosen.workers)
            if chosen.keep:
                say(f"gateway at {fleet.gateway.url}, until Ctrl-C. For Ray's own commands: {_exports(fleet)}")
                threading.Event().wait()
    except KeyboardInterrupt:
        return 130
    except (FleetError, server.ServerError) as error:
        say(f"stopped: {error}")
        return 1
    return 0


def _exports(fleet: Fleet) -> str:
    named = {name: value for name, value in fleet.env.items() if name.startswith("RAY_")}
    return " ".join(f"{name}={value}" for name, value in {**named, "RAY_ADDRESS": fleet.address}.items())


if __name__ == "__main__":
    sys.exit(main())
