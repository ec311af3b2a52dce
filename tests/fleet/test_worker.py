"""A worker, with a stand-in for its ComfyUI that says what it is told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from frugal_motion.nodes.caching.digests import sha256_of
from frugal_motion.nodes.fleet import worker as worker_module
from frugal_motion.nodes.fleet.about import About
from frugal_motion.nodes.fleet.child import ChildError
from frugal_motion.nodes.fleet.files import Files
from frugal_motion.nodes.fleet.order import Order
from frugal_motion.nodes.fleet.version import ROOT
from frugal_motion.nodes.fleet.worker import Settings, Worker

from .test_child import said

STAND_IN = Path(__file__).parent / "stand_in"
JOB = "0" * 32
PROMPT = {"1": {"class_type": "X", "inputs": {}}}
FILE = {"filename": "a.mp4", "subfolder": f"jobs/{JOB}", "type": "output"}


def ended(status: str = "success", **fields: Any) -> dict[str, Any]:
    return {"ended": {"status": status, "outputs": {}, "node": "", "error": "", "kind": "", **fields}, "record": None}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(*lines: Any, **env: str) -> Worker:
        env = {"ANSWER_LINES": json.dumps(lines), **env}
        settings = Settings(comfyui=str(STAND_IN), home=str(tmp_path / "home"), env=env)
        workers.append(Worker(settings, f"w{len(workers)}", "node", cpu=True))
        return workers[-1]

    yield start
    for one in workers:
        one.end()


class Told:
    """What has become of an order."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.ends = False

    def of(self, worker: Worker, order: Order, most: int = 1000) -> Told:
        async def listen() -> None:
            async with aclosing(worker.run(order, lambda: setattr(self, "ends", True))) as lines:
                async for line in lines:
                    self.lines.append(line)
                    if len(self.lines) == most:
                        return

        asyncio.run(listen())
        return self


def order(tmp_path: Path, **inputs: str) -> Order:
    return Order("run", (JOB,), (PROMPT,), (tmp_path / "files").as_uri(), inputs)


def test_it_brings_what_is_wanted_and_takes_away_what_was_made(worker: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"clip")
    wanted = order(tmp_path)
    name = Files(wanted.files).put_input(clip, sha256_of(clip))
    wanted = Order(wanted.run, wanted.jobs, wanted.prompts, wanted.files, {"sub/clip.mp4": name})
    shown = {"shown": "1", "output": {"images": [FILE]}, "places": [0]}
    one = worker(
        {"at": "1", "value": 0, "max": 0}, shown, {**ended(outputs={"1": shown["output"]}), "places": {"1": [0]}}
    )
    made = one.base / "output" / "jobs" / JOB / "a.mp4"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"made")
    told = Told().of(one, wanted)
    assert told.lines == [
        {"at": "1", "value": 0, "max": 0},
        {"shown": "1", "output": {"images": [FILE]}},
        ended(outputs={"1": {"images": [FILE]}}),
    ]
    assert not told.ends and not made.exists() and not list((one.base / "input").rglob("*.mp4"))
    taken = Files(wanted.files).take_output(JOB, "run", tmp_path / "taken")
    assert taken == ["a.mp4"] and (tmp_path / "taken/a.mp4").read_bytes() == b"made"
    asked = said(one.child, "asked")
    assert asked == {**wanted.as_dict(), "jobs": [JOB], "prompts": [PROMPT], "files": "", "inputs": {}}


def test_files_are_in_the_store_before_it_is_said(worker: Any, tmp_path: Path) -> None:
    one, wanted = worker({"shown": "1", "output": {"images": [FILE]}, "places": [0]}, {"waits": 1}), order(tmp_path)
    made = one.base / "output" / "jobs" / JOB / "a.mp4"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"made")
    Told().of(one, wanted, most=1)
    assert Files(wanted.files).take_output(JOB, "run", tmp_path / "taken") == ["a.mp4"]


def test_who_stops_to_listen_interrupts_it(worker: Any, tmp_path: Path) -> None:
    one = worker({"at": "1"}, {"waits": 1})
    Told().of(one, order(tmp_path), most=1)
    while "nobody reads" not in one.child.log():
        pass
    assert one.child.ended() == ""


def test_an_order_that_is_cancelled_ends_when_nothing_of_it_works_any_more(
    worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, fetching, goes_on = worker(ended()), threading.Event(), threading.Event()

    def slow(_: Files, name: str, path: Path) -> None:
        fetching.set()
        assert goes_on.wait(20)
        path.write_bytes(b"late")

    monkeypatch.setattr(Files, "get_input", slow)

    async def cancel() -> bool:
        running = asyncio.create_task(anext(one.run(order(tmp_path, **{"dance.mp4": "a" * 64}), lambda: None)))
        await asyncio.to_thread(fetching.wait, 20)
        running.cancel()
        await asyncio.sleep(0.1)
        was_over = running.done()
        goes_on.set()
        await asyncio.wait([running])
        return was_over

    assert not asyncio.run(cancel()), "the next order would find its files changed"
    assert not (one.base / "input" / "dance.mp4").exists()


def test_a_worker_is_over_that_does_not_answer_for_long_when_it_is_asked(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = worker()
    monkeypatch.setattr(worker_module, "_SILENCE", 0.0)
    assert not one.is_over(), "nobody has asked"
    monkeypatch.setattr(one.child, "ask", Mock(side_effect=[TimeoutError(), {"worker": ""}, TimeoutError()]))
    one.about()
    assert one.is_over()
    one.about()
    assert not one.is_over()
    monkeypatch.setattr(worker_module, "_SILENCE", 60.0)
    one.about()
    assert not one.is_over(), "it may be loading weights"


def test_a_comfyui_that_dies_ends_its_worker_and_says_how(worker: Any, tmp_path: Path) -> None:
    one, told = worker({"at": "1"}, {"dies": 9}), Told()
    with pytest.raises(RuntimeError, match="ended with status 9.*last words"):
        told.of(one, order(tmp_path))
    assert told.lines == [{"at": "1"}] and told.ends


@pytest.mark.parametrize(
    ("error", "ends"),
    [("[Errno 28] No space left on device", True), ("CUDA error: an illegal memory access", True), ("odd", False)],
)
def test_a_broken_worker_says_so_to_the_end(error: str, ends: bool, worker: Any, tmp_path: Path) -> None:
    told = Told().of(worker(line := ended("error", error=error, kind="X")), order(tmp_path))
    assert told.lines == [line] and told.ends == ends


def test_what_cannot_be_had_is_no_fault_of_the_job(worker: Any, tmp_path: Path) -> None:
    one, told = worker(ended()), Told()
    with pytest.raises(OSError, match="no aaa"):
        told.of(one, order(tmp_path, x="a" * 64))
    assert not told.ends and Told().of(one, order(tmp_path)).lines == [ended()]


def test_a_full_disk_ends_the_worker(worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    one, told = worker(ended()), Told()
    monkeypatch.setattr(Files, "get_input", full)
    with pytest.raises(OSError, match="No space"):
        told.of(one, order(tmp_path, x="a" * 64))
    assert told.ends


def test_it_says_what_it_is(worker: Any) -> None:
    known = About("", pack="1", card="H200", price=2.5, models=frozenset({"a/b.ckpt"}), loaded=frozenset({"b"}))
    one = worker(ABOUT=json.dumps(known.as_dict()))
    about = one.about()
    assert (about.worker, about.node, about.card, about.price) == ("w0", "node", "H200", 2.5)
    assert about.models == {"a/b.ckpt"} and about.loaded == {"b"}
    assert about.cold_seconds >= about.comfyui_seconds > 0 and 0 < about.up_seconds <= one.about().up_seconds
    one.child.end()
    assert one.about().card == "H200", "as far as it is known"


def test_nothing_stays_behind(worker: Any, tmp_path: Path) -> None:
    one = worker()
    assert said(one.child, "env")["FRUGAL_MOTION_CACHE_FOLDER"] == str(tmp_path / "home" / "cache")
    one.end()
    assert one.child.ended()
    with pytest.raises(ChildError):
        worker(STARTS_NOT="1")
    assert [path.name for path in (tmp_path / "home" / "workers").iterdir()] in ([".lock"], [])


def test_models_are_named_from_the_packs_folder(tmp_path: Path) -> None:
    for given, path in (("fleet/models.yaml", ROOT / "fleet/models.yaml"), ("/mnt/m.yaml", Path("/mnt/m.yaml"))):
        one = Worker(Settings(comfyui=str(STAND_IN), home=str(tmp_path / "home"), models=given), "w", cpu=True)
        try:
            assert str(path) in said(one.child, "argv")
        finally:
            one.end()


def test_the_machine_says_where_its_cache_is(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUGAL_MOTION_CACHE_FOLDER", "/mnt/cache")
    assert said(worker().child, "env")["FRUGAL_MOTION_CACHE_FOLDER"] == "/mnt/cache"
