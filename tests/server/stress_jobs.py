"""Stress for jobs, by hand: ``python tests/server/stress_jobs.py many``, ``bad --seconds 30`` or ``kill --times 50``.

many: 64 jobs of 8 clips against the same as prompts, one by one: results are equal; also clips per second and how full
      the sampler's batches are. In fp32: what comes behind the sampler makes more of bf16's rounding than is allowed.
bad:  bad requests, as many as the server takes, while good jobs run: all are 4xx with a reason, memory stays flat.
kill: the server is killed at random moments while jobs run: all jobs are done, none twice, nothing half done.

Exit status 1 if anything of that is not so; speed and memory are printed to be looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
from bench.jobs import _ask, _values  # noqa: E402
from tools.server import Server, running  # noqa: E402

COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
ASSETS = ROOT / ".assets"
JOBS = "/frugal-motion/jobs"
EQUAL = 1e-4  # mean difference of frames whose values are 0..1

JSON = {"Content-Type": "application/json"}
NODE = {"class_type": "FrugalSaveVideo", "inputs": {"video": ["1", 0]}}
BAD: list[bytes] = [
    b"{",
    b"[" * 50_000,
    b"\xff\xfe\x00",
    b'{"workflow": "' + b"x" * 1_200_000 + b'"}',
    b'{"workflow": "x", "deadline_seconds": NaN}',
    b'{"workflow": "x", "values": {"a.b": "\\ud800"}}',
    b'{"workflow": "x", "values": {"a.b": ' + b"9" * 10_000 + b"}}",
    *(
        json.dumps(body).encode()
        for body in (
            {},
            [],
            {"workflow": "no_such"},
            {"workflow": {"1": NODE}},
            {"workflow": {"1": {"class_type": "NoSuch", "inputs": {}}}},
            {"workflow": {str(n): {"class_type": "X", "inputs": {"a": [str(n + 1), 0]}} for n in range(2000)}},
            {"workflow": "motion_edit", "values": {"Load Video.file": "../../etc/passwd"}},
            {"workflow": "motion_edit", "values": {"Sampler.seed": -1}},
            {"workflow": "motion_edit", "webhook": "http://169.254.169.254/"},
            {"workflow": "motion_edit", "colour": 1},
        )
    ),
]


def many(base: Path, count: int, solo: int) -> bool:
    """Jobs, and the first of the same edits posted as prompts: half of these before the jobs, and half behind."""
    _set_up(base, cache_automatic=False)  # poses would be found once only
    bodies = [_body(number, **{"Save Video.codec": "lossless"}) for number in range(count)]
    with running(COMFYUI, base, assets=ASSETS, options=["--force-fp32"]) as server:
        _alone(server, [_body(count)], ["warm"])  # loads the models
        names = [f"alone-{number}" for number in range(solo)]
        process = psutil.Process(server.process.pid)
        spent = [_processor_seconds(process)]
        alone = _alone(server, bodies[: solo // 2], names)
        spent.append(_processor_seconds(process))
        started = time.perf_counter()
        ids = [str(_ask(server, JOBS, {**body, "client": f"{n % 5}"})["job_id"]) for n, body in enumerate(bodies)]
        states = _wait(server, ids)
        together = time.perf_counter() - started
        spent.append(_processor_seconds(process))
        alone += _alone(server, bodies[solo // 2 : solo], names[solo // 2 :])
        spent.append(_processor_seconds(process))
        time.sleep(3)  # runs are kept a moment after their end
        runs = _ask(server, "/frugal-motion/runs?limit=1000")["runs"]
    speed, speed_alone = count / together, solo / alone
    print(f"{states}; clips/s: {speed:.3f} as jobs, {speed_alone:.3f} one by one, {speed / speed_alone:.2f} times")
    first, as_jobs, last = np.diff(spent)
    print(f"processor seconds of a clip: {as_jobs / count:.2f} as a job, {(first + last) / solo:.2f} alone")
    sampled = [stage for run in runs for stage in run["stages"] if stage["kind"] == "FrugalJobsSampler"]
    rows = sum(stage["rows"] for stage in sampled) / sum(stage["calls"] for stage in sampled)
    most = 8 * max(frames for stage in sampled for frames in stage["shares"].values())
    print(
        f"{len(sampled)} runs of {count} jobs; {rows:.1f} rows in a sampler call, {rows / most:.0%} of eight long clips"
    )
    files = [list((base / "output/jobs" / job).rglob("*")) for job in ids]
    if states != {"done": count} or any(len(found) != 1 for found in files):
        print("lost or doubled:", {job: names for job, names in zip(ids, files, strict=True) if len(names) != 1})
        return False
    made_alone = [next((base / "output" / name).rglob("*.mp4")) for name in names]
    apart = [_difference(job, its) for (job,), its in zip(files, made_alone, strict=False)]
    print(f"mean difference of {solo} jobs from their runs alone: at most {max(apart):.1e}", end="; ")
    print(f"of the first two jobs: {_difference(files[0][0], made_alone[1]):.1e}")
    return max(apart) <= EQUAL


def _alone(server: Server, bodies: Sequence[dict[str, Any]], names: Sequence[str]) -> float:
    """Post them as prompts; seconds until the last has ended. Files go to folders of those names."""
    workflow = json.loads((ROOT / "workflows/api/motion_edit.json").read_text(encoding="utf-8"))
    titles = {node["_meta"]["title"]: node for node in workflow.values()}
    started = time.perf_counter()
    for body, name in zip(bodies, names, strict=False):
        for value_of, value in {**body["values"], "Save Video.filename_prefix": f"{name}/x"}.items():
            title, _, key = value_of.rpartition(".")
            titles[title]["inputs"][key] = value
        _ask(server, "/prompt", {"prompt": workflow})
    while _ask(server, "/prompt")["exec_info"]["queue_remaining"]:
        time.sleep(0.1)
    return time.perf_counter() - started


def _difference(one: Path, other: Path) -> float:
    """Mean difference of two videos, of values 0..1."""
    mine, its = _frames(one), _frames(other)
    return float(np.abs(mine - its).mean()) / 255 if mine.shape == its.shape else float("inf")


def _frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(np.int16)


async def bad(server: Server, seconds: float, good: int) -> bool:
    """Bad requests; the models are loaded by good jobs before memory is looked at."""
    process, itself = psutil.Process(server.process.pid), psutil.Process()
    answers: Counter[str] = Counter()
    memory: list[float] = []
    async with aiohttp.ClientSession() as session:

        async def post(body: bytes) -> None:
            async with session.post(server.url + JOBS, data=body, headers=JSON) as answer:
                reason = (await answer.json()).get("error")
                answers[str(answer.status) if reason else f"{answer.status} without a reason"] += 1

        async def until(end: float) -> None:
            await asyncio.gather(*(_post_until(post, end, first) for first in range(32)))

        async def look() -> None:
            while True:
                memory.append(process.memory_info().rss / 1e6)
                await asyncio.sleep(seconds / 30)

        states = _wait(server, [_ask(server, JOBS, _body(n))["job_id"] for n in range(good)])
        await until(time.monotonic() + 5)
        answers.clear()
        watch = asyncio.create_task(look())
        before = [_processor_seconds(one) for one in (process, itself)]
        await until(time.monotonic() + seconds)
        spent = [_processor_seconds(one) for one in (process, itself)]
        alone = sum(answers.values()) / seconds
        cores = [(now - then) / seconds for now, then in zip(spent, before, strict=True)]
        jobs = [_ask(server, JOBS, _body(n))["job_id"] for n in range(good, 2 * good)]
        await until(time.monotonic() + seconds)
        watch.cancel()
    besides = sum(answers.values()) / seconds - alone
    states = _wait(server, jobs)
    print(f"{alone:.0f} requests/s, {besides:.0f} while good jobs run; answers {dict(answers)}")
    print(f"of {os.cpu_count()} cores the server took {cores[0]:.2f} and this client {cores[1]:.2f}")
    thirds = [np.mean(part) for part in np.array_split(memory, 6)]
    print(f"MB of memory, means of {seconds / 3:.0f} s each: {' '.join(f'{one:.0f}' for one in thirds)}; jobs {states}")
    return all(status.isdecimal() and status[0] == "4" for status in answers) and states == {"done": good}


async def _post_until(post: Any, end: float, first: int) -> None:
    for body in islice(cycle(BAD), first, None):
        if time.monotonic() >= end:
            return
        await post(body)


def kill(base: Path, times: int, count: int, within: float) -> bool:
    """Kill the server at random moments; when all jobs have ended, new ones come.

    Args:
        within: seconds of a server's life, in which it has as much to do as it can; those of the processor, so that
            on a busy machine it gets as far as on any other.
    """
    _set_up(base, jobs_batch=4)
    # What is done stays, as it does for users.
    values = {"Sampler.steps": 1, "Cache Keyframes.enabled": True, "Cache Video.enabled": True}
    dice, ids = random.Random(1), []
    ended: dict[str, list[tuple[str, int]]] = {}
    at_work = killed = 0
    while True:
        with running(COMFYUI, base, assets=ASSETS) as server:
            states = _states(server, ids)
            if killed == times:
                _wait(server, ids)
                jobs = [_ask(server, f"{JOBS}/{job}") for job in ids]
                break
            if not {"queued", "running"} & set(states.values()):
                ids += [_ask(server, JOBS, _body(len(ids) + n, **values))["job_id"] for n in range(count)]
            states = _work(server, ids, dice.uniform(0, within))
            at_work += "running" in states.values()
            server.process.kill()
            server.process.wait()
            killed += 1
        done = [job for job, state in states.items() if state == "done"]
        ended = {**{job: _saved(base, job) for job in done}, **ended}
        print(f"kill {killed}: {dict(Counter(states.values()))}", file=sys.stderr, flush=True)
    redone = [job for job, files in ended.items() if files != _saved(base, job)]
    doubled = {job: files for job in ids if len(files := _saved(base, job)) != 1 or not files[0][0].endswith(".mp4")}
    counts = dict(Counter(job["state"] for job in jobs))
    print(f"{killed} kills, {at_work} of them while jobs ran; {len(ids)} jobs: {counts}")
    print(f"not exactly one whole file: {doubled or 'none'}; made anew after their end: {redone or 'none'}")
    print("\n".join(f"{job['job_id']}: {job['error']}" for job in jobs if job["error"]))
    frames = {len(_frames(base / "output/jobs" / job / _saved(base, job)[0][0])) for job in ids if job not in doubled}
    print(f"frames in a file: {frames}")
    return not doubled and not redone and len(frames) == 1 and all(job["state"] == "done" for job in jobs)


def _work(server: Server, ids: Sequence[str], seconds: float) -> dict[str, str]:
    """Wait until the server has worked so long, or all jobs have ended; their states then."""
    process = psutil.Process(server.process.pid)
    end = _processor_seconds(process) + seconds
    while True:
        states = _states(server, ids)
        if not {"queued", "running"} & set(states.values()) or _processor_seconds(process) >= end:
            return states
        time.sleep(0.2)


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _saved(base: Path, job: str) -> list[tuple[str, int]]:
    """Names of a job's files, and when they were written."""
    return sorted((path.name, path.stat().st_mtime_ns) for path in (base / "output/jobs" / job).glob("*"))


def _set_up(base: Path, **settings: Any) -> None:
    file = base / "user" / "frugal-motion" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(settings), encoding="utf-8")


def _body(number: int, **values: Any) -> dict[str, Any]:
    return {"workflow": "motion_edit", "values": {**_values(number), "Sampler.steps": 2, **values}}


def _states(server: Server, ids: Sequence[str]) -> dict[str, str]:
    return {job: _ask(server, f"{JOBS}/{job}")["state"] for job in ids}


def _wait(server: Server, ids: Sequence[str]) -> dict[str, int]:
    while True:
        states = Counter(_states(server, ids).values())
        if not states.keys() & {"queued", "running"}:
            return dict(states)
        time.sleep(0.5)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["many", "bad", "kill"])
    parser.add_argument("--seconds", type=float, default=30, help="of bad requests alone, and as long beside good jobs")
    parser.add_argument("--times", type=int, default=50, help="kills")
    parser.add_argument("--within", type=float, default=24, help="processor seconds of a server's life")
    parser.add_argument("--alone", type=int, help="how many of many are also run alone; default: all")
    parser.add_argument("--jobs", type=int, help="default: 64 many, 4 good ones beside bad, 30 killed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        if options.what == "many":
            count = options.jobs or 64
            return not many(base, count, min(options.alone or count, count))
        if options.what == "kill":
            return not kill(base, options.times, options.jobs or 30, options.within)
        with running(COMFYUI, base, assets=ASSETS) as server:
            return not asyncio.run(bad(server, options.seconds, options.jobs or 4))


if __name__ == "__main__":
    sys.exit(main())
