"""The gateway's end of the fleet, against a driver without a cluster."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.fleet import link as link_module
from frugal_motion.nodes.fleet.link import Lane, Link, WorkerLost
from frugal_motion.nodes.fleet.order import Order

from .links import kept_up, until

FAKE = Path(__file__).with_name("fake_driver.py")


def order(what: str, job: str = "job", prompt: str = "") -> Order:
    return Order(run=what, jobs=(job,), prompts=({"1": {"inputs": {"text": prompt}}},), files="")


def linked(folder: Path, changed: Callable[[], None] = lambda: None) -> AbstractAsyncContextManager[Link]:
    return kept_up(Link([sys.executable, str(FAKE), str(folder)], changed, pauses=(0.05,)))


def run_soon(test: Coroutine[Any, Any, None]) -> None:
    """Run it; what waits for ever fails."""
    asyncio.run(asyncio.wait_for(test, 30))


async def answers(lane: Lane, what: Order) -> list[str]:
    return [line["at"] async for line in lane.run(what)]


def heard(folder: Path) -> list[str]:
    """What the drivers were told."""
    path = folder / "heard"
    return [" ".join(line.split()[:2]) for line in path.read_text().splitlines()] if path.exists() else []


def starts(folder: Path) -> int:
    return len(list(folder.glob("start*")))


def test_a_worker_is_reserved_and_answers(tmp_path: Path) -> None:
    async def test() -> None:
        async with linked(tmp_path) as link, link.lane() as lane:
            about = await lane.free()
            assert about.worker == "w1"
            assert await answers(lane, order("lines 3")) == ["job 0", "job 1", "job 2"]
        assert heard(tmp_path) == ["reserve 1", "run 1", "closed"]

    run_soon(test())


def test_the_fleet_is_told_of_at_changes(tmp_path: Path) -> None:
    async def test() -> None:
        seen = []
        async with linked(tmp_path, lambda: seen.append(link.state)) as link:
            assert not link.state.up
            await until(lambda: link.state.up)
            (worker,) = link.state.workers
            assert (worker.about.worker, worker.about.models, worker.draining) == ("w1", {"a.ckpt"}, True)
            assert link.state.starting == 1
        assert [state.up for state in seen] == [True, False]
        assert seen[-1].why

    run_soon(test())


def test_lanes_are_kept_apart(tmp_path: Path) -> None:
    async def one(link: Link, job: str) -> list[str]:
        async with link.lane() as lane:
            await lane.free()
            return await answers(lane, order("lines 20", job))

    async def test() -> None:
        async with linked(tmp_path) as link:
            found = await asyncio.gather(*(one(link, f"job{n}") for n in range(8)))
        assert found == [[f"job{n} {line}" for line in range(20)] for n in range(8)]

    run_soon(test())


def test_lines_may_be_long(tmp_path: Path) -> None:
    async def test() -> None:
        async with linked(tmp_path) as link, link.lane() as lane:
            await lane.free()
            (line,) = await answers(lane, order("huge 5000000", prompt="y" * 3_000_000))
            assert len(line) == 5_000_000

    run_soon(test())


def test_what_cannot_be_read_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with linked(tmp_path) as link, link.lane() as lane:
            await lane.free()
            assert await answers(lane, order("garbage")) == []
            assert link.state.up

    run_soon(test())
    assert "what is this?" in caplog.text
    assert len(caplog.records) == 4


@pytest.mark.parametrize("fault", ["machine", "killed"])
def test_a_worker_is_lost(tmp_path: Path, fault: str) -> None:
    async def test() -> None:
        async with linked(tmp_path) as link, link.lane() as lane:
            await lane.free()
            with pytest.raises(WorkerLost) as lost:
                await answers(lane, order(f"fault {fault}"))
            assert lost.value.by == fault

    run_soon(test())


def test_the_driver_dies_while_a_worker_runs(tmp_path: Path) -> None:
    async def test() -> None:
        async with linked(tmp_path) as link:
            async with link.lane() as lane:
                await lane.free()
                with pytest.raises(WorkerLost, match="3") as lost:
                    await answers(lane, order("die"))
                assert lost.value.by == "machine"
            async with link.lane() as lane:  # of the next driver
                await lane.free()
                assert await answers(lane, order("lines 1")) == ["job 0"]
        assert starts(tmp_path) == 2

    run_soon(test())


def test_the_driver_dies_while_lanes_wait_or_hold(tmp_path: Path) -> None:
    async def wait(link: Link) -> str:
        async with link.lane() as lane:
            return (await lane.free()).worker

    async def test() -> None:
        async with linked(tmp_path) as link, link.lane() as holding, link.lane() as dying:
            await holding.free()
            await dying.free()
            (tmp_path / "busy").touch()
            waiting = asyncio.create_task(wait(link))
            await until(lambda: "reserve 3" in heard(tmp_path))
            (tmp_path / "busy").unlink()
            with pytest.raises(WorkerLost):
                await answers(dying, order("die"))
            assert await asyncio.wait_for(waiting, 20) == "w4"
            with pytest.raises(WorkerLost) as lost:
                await answers(holding, order("lines 1"))
            assert lost.value.by == "machine"
        assert "run 1" not in heard(tmp_path)[heard(tmp_path).index("reserve 4") :]

    run_soon(test())


def test_a_driver_that_is_refused_says_why_and_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()

    async def test() -> None:
        seen = []
        async with linked(tmp_path, lambda: seen.append(link.state)) as link:
            await until(lambda: starts(tmp_path) > 2)
            assert {(state.up, state.why) for state in seen} == {(False, "refused")}
            (tmp_path / "refuse").unlink()
            await until(lambda: link.state.up)

    run_soon(test())


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    async def test() -> None:
        link = Link([str(tmp_path / "nothing")], pauses=(0.05,))
        running = asyncio.create_task(link.run())
        await until(lambda: "cannot be started" in link.state.why)
        running.cancel()

    run_soon(test())


def test_who_leaves_without_a_run_lets_go(tmp_path: Path) -> None:
    async def test() -> None:
        async with linked(tmp_path) as link, link.lane() as lane:
            await lane.free()
        assert heard(tmp_path) == ["reserve 1", "release 1", "closed"]

    run_soon(test())


def test_who_is_cancelled_while_waiting_lets_go(tmp_path: Path) -> None:
    (tmp_path / "busy").touch()

    async def wait(link: Link) -> None:
        async with link.lane() as lane:
            await lane.free()

    async def test() -> None:
        async with linked(tmp_path) as link:
            waiting = asyncio.create_task(wait(link))
            await until(lambda: "reserve 1" in heard(tmp_path))
            waiting.cancel()
            await asyncio.wait([waiting])
        assert heard(tmp_path) == ["reserve 1", "release 1", "closed"]

    run_soon(test())


def test_who_is_cancelled_while_a_worker_runs_cancels_it(tmp_path: Path) -> None:
    async def run(link: Link, begun: asyncio.Event) -> None:
        async with link.lane() as lane:
            await lane.free()
            async for _ in lane.run(order("hang")):
                begun.set()

    async def test() -> None:
        async with linked(tmp_path) as link:
            begun = asyncio.Event()
            running = asyncio.create_task(run(link, begun))
            await begun.wait()
            running.cancel()
            await asyncio.wait([running])
        assert heard(tmp_path) == ["reserve 1", "run 1", "release 1", "closed"]

    run_soon(test())


def test_a_driver_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stubborn").touch()
    monkeypatch.setattr(link_module, "FAREWELL", 0.3)

    async def test() -> None:
        async with linked(tmp_path) as link:
            await until(lambda: link.state.up)
            lane = link.lane()
            await (await lane.__aenter__()).free()
        assert heard(tmp_path)[-1] == "closed"

    run_soon(test())
