"""What a fleet of two workers does on a hard day, as JSON for ``test_fleet.py``.

That runs ``python -m tests.fleet.hard_day FOLDER`` where there is only a loopback interface, if the system allows it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from tools.server import running

from .rig import ASSETS, COMFYUI, ENDED, FLEET, JOBS, SMALL, Rig, asked, difference, frames, rig, until

COUNT = 8
OPTIONS = ("--cpu", "--force-fp32")
LACKED = "only-here.ckpt"


class Calls(ThreadingHTTPServer):
    """Remembers who was told of what."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Called)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Of a webhook."""
        return f"http://127.0.0.1:{self.server_port}/"


class _Called(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main(folder: Path) -> dict[str, Any]:
    """Live through it; what was seen."""
    base, calls = folder / "fleet", Calls()
    own = base / "models" / "checkpoints" / LACKED
    own.parent.mkdir(parents=True)
    own.symlink_to(ASSETS / "models" / "checkpoints" / SMALL["Checkpoint.ckpt_name"])
    settings = {"FRUGAL_MOTION_JOBS_BATCH": "2", "FRUGAL_MOTION_JOBS_WEBHOOKS": "127.0.0.1"}
    seen: dict[str, Any] = {}
    with rig(base, "--num-cpus=0", settings=settings, options=OPTIONS) as fleet:
        _say("up")
        ids = [fleet.post(f"client {n % 3}", calls.url, **_values(n)) for n in range(COUNT)]
        lacking = fleet.post("client 0", **{"Checkpoint.ckpt_name": LACKED})
        fleet.deploy()
        fleet.wait_for_workers(2)
        _say("workers")
        busy = until(lambda: [job["worker"] for job in fleet.jobs(ids) if job["state"] == "running"], "a job that runs")
        fleet.comfyui_of(busy[0]).kill()
        _say("killed a worker")
        until(lambda: (now := _states(fleet, ids))["done"] >= 2 and now["running"], "jobs done, and one that runs")
        ended = [job for job in fleet.jobs(ids) if job["state"] == "done"]
        done = {job["job_id"]: fleet.files(job["job_id"]) for job in ended}
        seen["peers"] = _peers()
        fleet.kill_gateway()
        seen["killed at"] = time.time()
        _say("killed the gateway")
        seen |= _shut_out(fleet, ids)
        fleet.gateway = fleet.start_gateway()
        _say("gateway anew")
        _wait(fleet, [*ids, lacking])
        _say("jobs over")
        until(lambda: len({body["job_id"] for body in calls.bodies}) >= COUNT, "calls of webhooks", 60)
        until(lambda: len(fleet.workers()) == 2, "two workers")
        time.sleep(3)  # a second call would come now
        seen["calls"] = [body["job_id"] for body in calls.bodies]
        seen["jobs"], (seen["lacking"],) = fleet.jobs(ids), fleet.jobs([lacking])
        seen["fleet"] = fleet.ask(FLEET)
        seen["files"] = {job: [name for name, *_ in fleet.files(job)] for job in ids}
        seen["remade"] = [job for job, files in done.items() if files != fleet.files(job)]
        seen["done before the gateway was killed"] = list(done)
        seen["headless"] = _headless(fleet)
        _say("without a head")
        videos = [fleet.video(job) for job in ids if len(seen["files"][job]) == 1]
    seen["frames"] = [len(frames(video)) for video in videos]
    alone = _alone(folder / "alone", 2)
    _say("alone")
    seen["frames alone"] = [len(frames(video)) for video in alone]
    seen["apart"] = [difference(mine, its) for mine, its in zip(videos, alone, strict=False)]
    seen["of two jobs"] = difference(*alone)
    return seen


def _values(number: int) -> dict[str, Any]:
    clip = ("one_person.mp4", "two_people.mp4")[number % 2]
    return {"Load Video.file": clip, "Load Video.start": number * 0.05, "Sampler.seed": number}


def _shut_out(fleet: Rig, ids: list[str]) -> dict[str, Any]:
    """A gateway whose token is wrong, and one more on the same store."""
    fleet.gateway = fleet.start_gateway(RAY_AUTH_TOKEN="0" * 64)
    began = time.monotonic()
    why = until(lambda: "token" in (why := fleet.ask(FLEET)["why"]) and why, "a refusal of the token", 60)
    seconds = time.monotonic() - began
    held = [job["held"] for job in fleet.jobs(ids) if job["state"] == "queued"]
    posted = fleet.ask(JOBS, {"workflow": "motion_edit", "values": SMALL})
    second = fleet.start_gateway()
    answers = [asked(second, JOBS, {"workflow": "motion_edit", "values": SMALL}), asked(second, JOBS)]
    second.process.kill()
    fleet.kill_gateway()
    _say("wrong token, second gateway")
    told = {"why": why, "held": held, "seconds": seconds, "posted": posted}
    return {"wrong token": told, "second gateway": answers}


def _headless(fleet: Rig) -> dict[str, Any]:
    """A job for a fleet whose head is gone."""
    fleet.cluster.nodes[0].kill()
    until(lambda: not fleet.ask(FLEET)["up"], "a fleet that is down")
    job = fleet.post()
    until(lambda: fleet.jobs([job])[0]["held"], "why it is held")
    return dict(fleet.jobs([job])[0])


def _alone(base: Path, count: int) -> list[Path]:
    """The first jobs on a single server; what they have made."""
    with ExitStack() as stack:
        server = stack.enter_context(running(COMFYUI, base, assets=ASSETS, options=OPTIONS))
        made = []
        for number in range(count):
            body = {"workflow": "motion_edit", "values": {**SMALL, **_values(number)}}
            made.append(asked(server, JOBS, body)[1]["job_id"])
        for job in made:
            until(lambda job=job: asked(server, f"{JOBS}/{job}")[1]["state"] in ENDED, "jobs of a single server")
    return [next((base / "output" / "jobs" / job).rglob("*.mp4")) for job in made]


def _states(fleet: Rig, ids: list[str]) -> dict[str, int]:
    states = [job["state"] for job in fleet.jobs(ids)]
    return {state: states.count(state) for state in ("queued", "running", *ENDED)}


def _wait(fleet: Rig, ids: list[str]) -> None:
    until(lambda: all(job["state"] in ENDED for job in fleet.jobs(ids)), "an end of all jobs", 600)


def _peers() -> list[str]:
    """Addresses that processes of this network are connected to."""
    return sorted({connection.raddr.ip for connection in psutil.net_connections("inet") if connection.raddr})


_START = time.monotonic()


def _say(what: str) -> None:
    print(f"{time.monotonic() - _START:.1f} s: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / "seen.json").write_text(json.dumps(main(where)), encoding="utf-8")
