"""Stress for jobs, by hand: ``python tests/server/stress_jobs.py bad --seconds 30``, or ``kill --times 50``.

bad:  bad requests, as many as the server takes, while good jobs run: all are 4xx with a reason, memory stays flat.
kill: the server is killed at random moments while jobs run: all jobs end, none twice, nothing half done.
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
from pathlib import Path
from typing import Any

import aiohttp
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
from bench.jobs import _ask, _values  # noqa: E402
from tools.server import Server, running  # noqa: E402

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


async def bad(server: Server, seconds: float, good: int) -> None:
    """Bad requests; the models are loaded by good jobs before memory is looked at."""
    process = psutil.Process(server.process.pid)
    answers: Counter[int] = Counter()
    async with aiohttp.ClientSession() as session:

        async def post(body: bytes) -> None:
            async with session.post(server.url + "/frugal-motion/jobs", data=body, headers=JSON) as answer:
                answers[answer.status] += 1
                assert 400 <= answer.status < 500 and (await answer.json())["error"], answer.status

        async def until(end: float) -> None:
            await asyncio.gather(*(_post_until(post, end, first) for first in range(32)))

        _wait(server, [_ask(server, "/frugal-motion/jobs", _body(n))["job_id"] for n in range(good)])
        await until(time.monotonic() + seconds / 3)
        before = process.memory_info().rss
        jobs = [_ask(server, "/frugal-motion/jobs", _body(n))["job_id"] for n in range(good, 2 * good)]
        await until(time.monotonic() + seconds * 2 / 3)
    states = _wait(server, jobs)
    after = process.memory_info().rss
    print(f"{sum(answers.values()) / seconds:.0f} requests/s, answers {dict(answers)}")
    print(f"memory {before / 1e6:.0f} MB, {seconds * 2 / 3:.0f} s later {after / 1e6:.0f} MB; good jobs {states}")


async def _post_until(post: Any, end: float, first: int) -> None:
    number = first
    while time.monotonic() < end:
        await post(BAD[number % len(BAD)])
        number += 1


def kill(base: Path, comfyui: Path, times: int, jobs: int) -> None:
    """Kill the server at random moments."""
    dice, ids = random.Random(1), []
    for turn in range(times + 1):
        with running(comfyui, base, assets=ROOT / ".assets") as server:
            if not ids:
                ids = [_ask(server, "/frugal-motion/jobs", _body(n))["job_id"] for n in range(jobs)]
            if turn < times:
                time.sleep(dice.uniform(0, 12))
                server.process.kill()
                server.process.wait()
                continue
            states = _wait(server, ids)
    files = {job: [path.name for path in (base / "output/jobs" / job).glob("*")] for job in ids}
    doubled = {job: names for job, names in files.items() if len(names) != 1 or not names[0].endswith(".mp4")}
    print(f"{times} kills, {jobs} jobs: {states}; not exactly one whole file: {doubled or 'none'}")


def _body(number: int) -> dict[str, Any]:
    return {"workflow": "motion_edit", "values": {**_values(number), "Sampler.steps": 2}}


def _wait(server: Server, ids: list[str]) -> dict[str, int]:
    while True:
        states = Counter(_ask(server, f"/frugal-motion/jobs/{job}")["state"] for job in ids)
        if not states.keys() & {"queued", "running"}:
            return dict(states)
        time.sleep(0.5)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["bad", "kill"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=30)
    options = parser.parse_args()
    comfyui = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "kill":
            kill(Path(folder), comfyui, options.times, options.jobs)
            return
        with running(comfyui, Path(folder), assets=ROOT / ".assets") as server:
            asyncio.run(bad(server, options.seconds, min(options.jobs, 4)))


if __name__ == "__main__":
    main()
