"""Stress for a fleet, by hand: ``python tests/fleet/stress.py kill --times 50``, ``equal``, ``engine`` or ``cold``.

kill:   a head, two machines with a worker each, and a gateway; while jobs run, one of them is killed, frozen or runs
        out of disk, at random. All jobs are done, none twice, none half, none anew after its end, and none fails.
equal:  24 jobs through two workers against the same on a single server: results are equal, and so is how full the
        sampler's batches are.
engine: milliseconds that the fleet adds to a batch, which is the smallest that there is.
cold:   seconds from a job to its begin where there is no worker yet, beside what ComfyUI itself takes of them.

Exit status 1 if anything of that is not so; of engine and cold, if they take longer than 50 ms and 5 s more.
Kills of ``head`` and ``disk`` want namespaces of Linux (``unshare``), and are left out without.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
from tests.fleet.cluster import Node  # noqa: E402
from tests.fleet.rig import (  # noqa: E402
    ASSETS,
    COMFYUI,
    ENDED,
    EQUAL,
    JOBS,
    SMALL,
    Rig,
    asked,
    difference,
    frames,
    rig,
    send,
    until,
)
from tools.server import Server, running  # noqa: E402

FP32 = ("--cpu", "--force-fp32")
KINDS = ("comfyui", "replica", "machine", "gateway", "head", "frozen machine", "frozen replica", "disk")
APART = ("unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""What a machine's processes are started with, so that they see no others, and its mounts are its own."""
WANT_APART = ("head", "disk")
"""A head does not start where it sees raylets of another one; a small disk is mounted."""
DISK = 96
"""Megabytes of a machine's disk."""
OF_RAY = {
    # As fleet/env.sh has it.
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",  # several machines on one
}
ONE_EACH = {
    "num_replicas": 2,
    "health_check_period_s": 2,
    "health_check_timeout_s": 10,
    "ray_actor_options": {"num_cpus": 0, "resources": {"worker": 1}},
}
FROZEN = 60.0
"""Seconds that something is; longer than it takes to be noticed."""
AGAIN = 240.0
"""Seconds after which jobs must run again, whatever was done to the fleet."""


class Chaos:
    """Does to a fleet what happens to one.

    Args:
        apart: each machine has processes and a disk of its own.
    """

    def __init__(self, fleet: Rig, dice: random.Random, *, apart: bool) -> None:
        self.fleet, self.dice, self.apart = fleet, dice, apart
        self.machines = [self._new_machine() for _ in range(2)]
        self.troubled: list[tuple[float, str, Any]] = []

    def do(self, kind: str) -> set[str]:
        """One of ``KINDS``. What was frozen or full is mended later, by ``mend``.

        Returns:
            The workers whose work is gone by that.
        """
        done: set[str] = getattr(self, "_" + kind.replace(" ", "_"))()
        return done

    def mend(self, *, all_of_it: bool = False) -> None:
        """Let go what has been frozen or full for long enough."""
        due = [one for one in self.troubled if all_of_it or one[0] <= time.monotonic()]
        self.troubled = [one for one in self.troubled if one not in due]
        for _, kind, whom in due:
            if kind == "disk":
                with suppress(OSError):
                    Path(whom).unlink()
            elif isinstance(whom, Node):
                send(whom, signal.SIGCONT)
                time.sleep(10)  # it may try to be heard
                self._replace(whom)
            else:
                with suppress(ProcessLookupError):
                    os.kill(whom, signal.SIGCONT)

    def _new_machine(self) -> Node:
        options = ("--num-cpus=0", '--resources={"worker": 1}')
        if not self.apart:
            return self.fleet.cluster.add_node(*options)
        workers = self.fleet.home / "workers"
        workers.mkdir(parents=True, exist_ok=True)
        mount = f'mount -t tmpfs -o size={DISK}m frugal "$0" && exec "$@"'
        return self.fleet.cluster.add_node(*options, before=(*APART, "sh", "-c", mount, str(workers)))

    def _replace(self, machine: Node) -> None:
        send(machine, signal.SIGKILL)
        machine.process.wait()
        self.machines = [self._new_machine() if one is machine else one for one in self.machines]

    def _some_comfyui(self) -> Any:
        busy = {job["worker"] for job in self.fleet.ask(f"{JOBS}?limit=100")["jobs"] if job["state"] == "running"}
        found = self.fleet.comfyuis()
        of_busy = [one for one in found if any(f"/{name}/" in word for name in busy for word in one.cmdline())]
        return self.dice.choice(of_busy or found) if found else None

    def _comfyui(self) -> set[str]:
        if not (comfyui := self._some_comfyui()):
            return set()
        worker = _worker(comfyui)
        comfyui.kill()
        return {worker}

    def _replica(self) -> set[str]:
        if not (comfyui := self._some_comfyui()):
            return set()
        worker = _worker(comfyui)
        comfyui.parent().kill()
        return {worker}

    def _machine(self) -> set[str]:
        machine = self._some_machine()
        workers = self._workers_of(machine)
        self._replace(machine)
        return workers

    def _workers_of(self, machine: Node) -> set[str]:
        return {_worker(comfyui) for comfyui in self.fleet.comfyuis() if _is_below(comfyui, machine)}

    def _some_machine(self) -> Node:
        frozen = [whom for *_, whom in self.troubled]
        return self.dice.choice([one for one in self.machines if one not in frozen] or self.machines)

    def _gateway(self) -> set[str]:
        self.fleet.kill_gateway()
        self.fleet.gateway = self.fleet.start_gateway()
        return set()

    def _head(self) -> set[str]:
        head = self.fleet.cluster.nodes[0]
        send(head, signal.SIGKILL)
        head.process.wait()
        time.sleep(self.dice.uniform(0, 10))
        self.fleet.cluster.nodes[0] = self.fleet.cluster.start_head("--num-cpus=0", before=APART)
        self.fleet.cluster.nodes.pop()
        return set()

    def _frozen_machine(self) -> set[str]:
        machine = self._some_machine()
        workers = self._workers_of(machine)
        send(machine, signal.SIGSTOP)
        self.troubled.append((time.monotonic() + FROZEN, "frozen", machine))
        return workers

    def _frozen_replica(self) -> set[str]:
        if not (comfyui := self._some_comfyui()):
            return set()
        worker, replica = _worker(comfyui), comfyui.parent().pid
        os.kill(replica, signal.SIGSTOP)
        self.troubled.append((time.monotonic() + FROZEN, "frozen", replica))
        return {worker}

    def _disk(self) -> set[str]:
        if not (comfyui := self._some_comfyui()):
            return set()
        worker = _worker(comfyui)
        filler = Path(f"/proc/{comfyui.pid}/root{self.fleet.home}/workers/filler")
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(2**20)):
                pass
        raylet = next(one for one in self.machines if _is_below(comfyui, one))
        lasting = f"/proc/{raylet.process.pid}/root{self.fleet.home}/workers/filler"
        self.troubled.append((time.monotonic() + 20, "disk", lasting))
        return {worker}


def _worker(comfyui: Any) -> str:
    """The name of the worker that a ComfyUI belongs to."""
    words = comfyui.cmdline()
    return Path(words[words.index("--user-directory") + 1]).parent.name


def _is_below(process: Any, machine: Node) -> bool:
    return any(parent.pid == machine.process.pid for parent in process.parents())


def kill(base: Path, times: int, count: int, seed: int, kinds: Sequence[str], within: float) -> bool:
    """Kill parts of a fleet at random moments; when all jobs have ended, new ones come.

    Args:
        within: seconds from when jobs run to the kill, at most.
    """
    apart = not subprocess.run([*APART, "true"], capture_output=True, check=False).returncode
    if not apart:
        print(f"this system has no namespaces: without {', '.join(WANT_APART)}", file=sys.stderr)
        kinds = [kind for kind in kinds if kind not in WANT_APART]
    dice, bag, killed = random.Random(seed), list[str](), Counter[str]()
    ids: list[str] = []
    ended: dict[str, list[tuple[str, int, int]]] = {}
    attempts: dict[str, set[str]] = {}
    stuck = ""
    storage = base / "gcs"
    storage.mkdir(parents=True)
    ray = {**OF_RAY, "RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(storage)}
    settings = {"FRUGAL_MOTION_JOBS_BATCH": "2"}
    with rig(base, "--num-cpus=0", ray=ray, settings=settings, deployment=ONE_EACH) as fleet:
        chaos = Chaos(fleet, dice, apart=apart)
        fleet.deploy()
        began, noticed = time.monotonic(), Noticed()

        def look() -> dict[str, int]:
            chaos.mend()
            jobs = fleet.jobs(ids)
            noticed.look(jobs)
            for job in jobs:
                if job["state"] == "done" and job["job_id"] not in ended:
                    ended[job["job_id"]] = fleet.files(job["job_id"])
                if job["state"] == "running":
                    attempts.setdefault(job["job_id"], set()).add(f"{job['started']}")
            return dict(Counter(job["state"] for job in jobs))

        try:
            while sum(killed.values()) < times:
                if not {"queued", "running"} & look().keys():
                    ids += [fleet.post(f"client {n % 3}", **_values(len(ids) + n)) for n in range(count)]
                until(lambda: look().get("running"), "jobs that run", AGAIN)
                _linger(dice.uniform(0, within), look)
                bag = bag or dice.sample(list(kinds), len(kinds))
                kind = bag.pop()
                running_now = [job for job in fleet.jobs(ids) if job["state"] == "running"]
                started = time.monotonic()
                workers = chaos.do(kind)
                gone = {job["job_id"]: job["started"] for job in running_now if job["worker"] in workers}
                noticed.watch(kind, started, gone)
                killed[kind] += 1
                took = f"{time.monotonic() - started:.0f} s"
                print(f"{time.monotonic() - began:.0f} s: {kind} ({took}): {look()}", file=sys.stderr, flush=True)
            until(lambda: not {"queued", "running"} & look().keys(), "an end of all jobs", 2 * AGAIN)
        except AssertionError as error:
            stuck = str(error)
            print(json.dumps(fleet.ask("/frugal-motion/fleet"))[:3000], file=sys.stderr)
        chaos.mend(all_of_it=True)
        time.sleep(5)  # what is late would come now
        jobs = fleet.jobs(ids)
        redone = [job for job, files in ended.items() if files != fleet.files(job)]
        doubled = {job["job_id"]: its for job in jobs if len(its := fleet.files(job["job_id"])) != 1}
        whole = [len(frames(fleet.video(job["job_id"]))) for job in jobs if job["job_id"] not in doubled]
        left = [str(path) for path in (fleet.base / "output" / "jobs").glob(".*")]
    counts = Counter(job["state"] for job in jobs)
    tried = Counter(len(attempts.get(job["job_id"], ())) for job in jobs)
    print("| kills | " + " | ".join(kinds) + " |\n|" + "---|" * (len(kinds) + 1))
    print(f"| {sum(killed.values())} | " + " | ".join(str(killed[kind]) for kind in kinds) + " |")
    waits = {kind: f"{max(noticed.seconds[kind]):.1f}" if kind in noticed.seconds else "" for kind in kinds}
    print("| noticed after s, at most | " + " | ".join(waits.values()) + " |")
    print(f"{len(jobs)} jobs: {dict(counts)}; seen in so many attempts: {dict(sorted(tried.items()))}")
    print(f"not exactly one file: {doubled or 'none'}; made anew after their end: {redone or 'none'}")
    print(f"frames in a file: {dict(Counter(whole))}; left behind: {left or 'none'}")
    met = Counter(trouble["kind"] for job in jobs for trouble in job["troubles"])
    print(f"troubles: {dict(met) or 'none'}")
    print("\n".join(f"{job['job_id']}: {job['state']} {job['error']}" for job in jobs if job["state"] != "done"))
    if stuck:
        print(stuck)
    return not (stuck or doubled or redone) and len(set(whole)) == 1 and counts.keys() == {"done"}


class Noticed:
    """After how many seconds work that is gone begins anew, by kinds of kills."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._open: list[tuple[float, str, dict[str, float]]] = []

    def watch(self, kind: str, began: float, gone: dict[str, float]) -> None:
        """Jobs that ran, by when they had been started."""
        if gone:
            self._open.append((began, kind, gone))

    def look(self, jobs: Sequence[dict[str, Any]]) -> None:
        """Jobs as they are now."""
        runs = {job["job_id"]: job["started"] for job in jobs if job["state"] == "running"}
        for one in list(self._open):
            began, kind, gone = one
            if not any(runs.get(job) == started for job, started in gone.items()):
                self.seconds.setdefault(kind, []).append(time.monotonic() - began)
                self._open.remove(one)


def _linger(seconds: float, look: Any) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        look()
        time.sleep(0.2)


def _values(number: int) -> dict[str, Any]:
    clip = ("one_person.mp4", "two_people.mp4")[number % 2]
    return {"Load Video.file": clip, "Load Video.start": number % 16 * 0.05, "Sampler.seed": number}


def equal(base: Path, count: int) -> bool:
    """The same jobs through a fleet and a single server."""
    settings = {"FRUGAL_MOTION_JOBS_BATCH": "4", "FRUGAL_MOTION_CACHE_AUTOMATIC": "0"}
    with rig(base / "fleet", "--num-cpus=0", settings=settings, options=FP32) as fleet:
        assert fleet.gateway
        fleet.deploy()
        fleet.wait_for_workers(2)
        mine, seconds = _many(fleet.gateway, count)
        rows = _rows(fleet.gateway)
    env = {**{name: text for name, text in os.environ.items() if not name.startswith("FRUGAL_MOTION_")}, **settings}
    with running(COMFYUI, base / "alone", assets=ASSETS, options=FP32, env=env) as server:
        its, seconds_alone = _many(server, count)
        rows_alone = _rows(server)
    apart = [difference(one, other) for one, other in zip(mine, its, strict=True)]
    print(f"{count} jobs: {seconds:.1f} s with two workers, {seconds_alone:.1f} s alone (on the same processor)")
    print(f"rows in a sampler call: {rows:.2f} with two workers, {rows_alone:.2f} alone")
    print(f"mean difference: at most {max(apart):.1e}; of the first two jobs: {difference(*mine[:2]):.1e}")
    return max(apart) <= EQUAL


def _many(server: Server, count: int) -> tuple[list[Path], float]:
    """Run jobs; their only files, and seconds."""
    began, ids = time.monotonic(), []
    for number in range(count):
        body = {"workflow": "motion_edit", "values": {**SMALL, **_values(number)}, "client": f"{number % 3}"}
        ids.append(asked(server, JOBS, body)[1]["job_id"])
    until(lambda: all(asked(server, f"{JOBS}/{job}")[1]["state"] in ENDED for job in ids), "an end of all jobs", 3600)
    seconds = time.monotonic() - began
    found = []
    for job in ids:
        (file,) = [path for path in (server.base / "output" / "jobs" / job).rglob("*") if path.is_file()]
        found.append(file)
    return found, seconds


def _rows(server: Server) -> float:
    """How full the sampler's batches are."""
    time.sleep(4)  # runs are kept a moment after their end
    runs = asked(server, "/frugal-motion/runs?limit=1000")[1]["runs"]
    stages = [stage for run in runs for stage in run["stages"] if stage["calls"]]
    return sum(stage["rows"] for stage in stages) / sum(stage["calls"] for stage in stages)


NOTHING = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "nothing"}},
}


def engine(base: Path, count: int) -> bool:
    """Jobs of next to nothing, one by one, through a fleet and on a single server: from acceptance to end."""
    settings = {"FRUGAL_MOTION_JOBS_WINDOW_SECONDS": "0"}
    with rig(base / "fleet", "--num-cpus=0", settings=settings) as fleet:
        assert fleet.gateway
        fleet.deploy()
        fleet.wait_for_workers(2)
        mine = _one_by_one(fleet.gateway, count)
    env = {**{name: text for name, text in os.environ.items() if not name.startswith("FRUGAL_MOTION_")}, **settings}
    with running(COMFYUI, base / "alone", assets=ASSETS, options=["--cpu"], env=env) as server:
        its = _one_by_one(server, count)
    for name, taken in (("fleet", mine), ("alone", its)):
        print(f"{name}: median {statistics.median(taken):.1f} ms, p95 {np.percentile(taken, 95):.1f} ms")
    added = statistics.median(mine) - statistics.median(its)
    print(f"added: median {added:.1f} ms, p95 {np.percentile(mine, 95) - np.percentile(its, 95):.1f} ms")
    return added <= 50


def _one_by_one(server: Server, count: int) -> list[float]:
    """Milliseconds of each, but for the first ones."""
    taken = []
    for number in range(count + 3):
        NOTHING["1"]["inputs"]["color"] = number  # type: ignore[index]
        job = asked(server, JOBS, {"workflow": NOTHING})[1]["job_id"]
        until(lambda job=job: asked(server, f"{JOBS}/{job}")[1]["state"] in ENDED, "the end of a job", 60)
        shown = asked(server, f"{JOBS}/{job}")[1]
        assert shown["state"] == "done", shown
        taken.append(1000 * (shown["ended"] - shown["created"]))
    return taken[3:]


def cold(base: Path) -> bool:
    """A job where there is no worker."""
    none_yet = {
        "autoscaling_config": {"min_replicas": 0, "max_replicas": 1, "target_ongoing_requests": 2},
        "num_replicas": None,
    }
    settings = {"FRUGAL_MOTION_JOBS_WINDOW_SECONDS": "0"}
    with rig(base, "--num-cpus=0", settings=settings, deployment=none_yet) as fleet:
        fleet.deploy()
        until(lambda: fleet.ask("/frugal-motion/fleet")["up"], "a fleet")
        job = fleet.ask(JOBS, {"workflow": NOTHING})["job_id"]
        until(lambda: fleet.jobs([job])[0]["state"] == "done", "the end of a job")
        (shown,), (worker,) = fleet.jobs([job]), fleet.workers()
    seconds, own = shown["started"] - shown["created"], worker["comfyui_seconds"]
    print(f"{seconds:.1f} s from the job to its begin: of these {own:.1f} s ComfyUI's own, {seconds - own:.1f} s more")
    print(f"the replica says: {worker['cold_seconds']:.1f} s, of these {own:.1f} s ComfyUI's own")
    return bool(seconds - own <= 5)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kill", "equal", "engine", "cold"])
    parser.add_argument("--times", type=int, default=50, help="kills")
    parser.add_argument("--jobs", type=int, help="default: 24; 40 of engine")
    parser.add_argument("--seed", type=int, default=1, help="of kill")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of kills")
    parser.add_argument("--within", type=float, default=8, help="seconds from when jobs run to the kill, at most")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        if options.what == "kill":
            return not kill(base, options.times, options.jobs or 24, options.seed, options.kinds, options.within)
        if options.what == "equal":
            return not equal(base, options.jobs or 24)
        return not (engine(base, options.jobs or 40) if options.what == "engine" else cold(base))


if __name__ == "__main__":
    sys.exit(main())
