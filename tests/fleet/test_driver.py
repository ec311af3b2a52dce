"""The driver, in a real cluster with workers that have no ComfyUI."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from frugal_motion.nodes.fleet.link import ROOT, Link, WorkerLost, driver_command
from frugal_motion.nodes.fleet.order import Order

from .cluster import Cluster, free_port, ray_head
from .links import kept_up, until

pytest.importorskip("ray")
APP = Path(__file__).with_name("worker_app.py")
OPTIONS = {
    "ray_actor_options": {"num_cpus": 0, "resources": {"worker": 1}},
    "request_router_config": {"request_routing_stats_period_s": 0.2},
    "health_check_period_s": 1,
}


@pytest.fixture(scope="module")
def bare() -> Iterator[Cluster]:
    """A head, whose app is not deployed yet, and a machine for one worker."""
    with ray_head("--num-cpus=0") as head:
        head.add_node("--num-cpus=0", '--resources={"worker": 1}')
        yield head


@pytest.fixture(scope="module")
def cluster(bare: Cluster) -> Cluster:
    bare.run(APP, bare.folder, json.dumps(OPTIONS))
    return bare


@pytest.fixture(autouse=True)
def _token(bare: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bare.env.items():
        if name.startswith("RAY_"):
            monkeypatch.setenv(name, value)


def linked(cluster: Cluster) -> AbstractAsyncContextManager[Link]:
    return kept_up(Link(driver_command(cluster.address), pauses=(0.1,)))


async def answers(link: Link, what: str, prompts: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    async def lines() -> list[dict[str, Any]]:
        async with link.lane() as lane:
            await lane.free()
            return [line async for line in lane.run(Order(what, (), prompts, ""))]

    return await asyncio.wait_for(lines(), 90)  # no run here takes longer; a worker that never gets free would


async def run_long(link: Link, begun: asyncio.Event) -> None:
    """A run that lasts until it is cancelled."""
    async with link.lane() as lane:
        await lane.free()
        async for _ in lane.run(Order("long", (), (), "")):
            begun.set()


def runs(cluster: Cluster) -> list[str]:
    path = cluster.folder / "runs"
    return path.read_text().split() if path.exists() else []


def driver_of_this() -> psutil.Process:
    """The driver that a link here has started."""
    (found,) = (each for each in psutil.Process().children() if "nodes.fleet.driver" in each.cmdline())
    return found


def refusal(address: str, **env: str) -> str:
    """Why a driver does not get in; it ends by itself."""
    ray = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    env = {name: value for name, value in {**plain, **ray, **env}.items() if value}
    command = [sys.executable, "-m", "nodes.fleet.driver", address]
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, capture_output=True, timeout=60, check=False
    )
    (line,) = done.stdout.splitlines()
    fleet = json.loads(line)["fleet"]
    assert not fleet["up"]
    assert done.returncode == 1
    return str(fleet["why"])


def test_strangers_are_told_why(bare: Cluster, tmp_path: Path) -> None:
    assert "refuses our token" in refusal(bare.address, RAY_AUTH_TOKEN="0" * 64)
    assert "There is no token" in refusal(bare.address, RAY_AUTH_TOKEN="", HOME=str(tmp_path))
    assert "refuses our token" in refusal(bare.address, RAY_AUTH_TOKEN="", RAY_AUTH_MODE="", HOME=str(tmp_path))


def test_addresses_where_nobody_is() -> None:
    from frugal_motion.nodes.fleet.cluster import Unreachable, find

    for address, why in ((f"127.0.0.1:{free_port()}", "Nobody"), ("nowhere.invalid:6379", "Nobody"), ("?", "address")):
        with pytest.raises(Unreachable, match=why):
            find(address)


def test_who_listens_and_says_nothing_is_no_head() -> None:
    with socket.socket() as mute:
        mute.bind(("", 0))  # Ray takes the loopback address for one of the machine's others
        mute.listen()
        assert "does not answer" in refusal(f"127.0.0.1:{mute.getsockname()[1]}")


def test_the_app_may_be_deployed_later(bare: Cluster, request: pytest.FixtureRequest) -> None:
    async def test() -> None:
        async with linked(bare) as link:
            await until(lambda: "serve run" in link.state.why)
            assert not link.state.up
            waiting = asyncio.create_task(answers(link, "lines 0"))
            await asyncio.to_thread(request.getfixturevalue, "cluster")
            assert len(await asyncio.wait_for(waiting, 30)) == 1
            await until(lambda: bool(link.state.workers))
            (worker,) = link.state.workers
            assert (worker.about.pack, worker.about.cold_seconds, worker.draining) == ("1", 1.5, False)

    asyncio.run(test())


def test_a_worker_answers(cluster: Cluster) -> None:
    async def test() -> None:
        async with linked(cluster) as link, link.lane() as lane:
            about = await lane.free()
            assert about.models == {"a.ckpt", "b.ckpt"}
            assert about.node
            prompts = ({"1": {"text": "ü" * 3_000_000}}, {})
            first, *lines = [line async for line in lane.run(Order("lines 3", ("a", "b"), prompts, "file:"))]
            assert first["at"] == about.worker
            assert [line["at"] for line in lines] == ["0", "1", "2"]
            assert all(line["value"] == list(prompts) for line in lines)

    asyncio.run(test())


def test_what_workers_hold_is_told_also_while_they_run(cluster: Cluster) -> None:
    async def test() -> None:
        async with linked(cluster) as link:
            await answers(link, "lines 1")
            long = asyncio.create_task(answers(link, "long"))
            await until(lambda: any(seen.about.loaded and seen.about.free_memory == 7 for seen in link.state.workers))
            long.cancel()
            await asyncio.wait([long])

    asyncio.run(test())


def test_nothing_but_the_protocol_is_written(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with linked(cluster) as link:
            await answers(link, "print")

    asyncio.run(test())
    assert not caplog.records


def test_one_worker_serves_one_lane_after_the_other(cluster: Cluster) -> None:
    async def test() -> None:
        async with linked(cluster) as link:
            async with link.lane() as lane:
                await lane.free()
                waiting = asyncio.create_task(answers(link, "lines 1"))
                given_up = asyncio.create_task(answers(link, "lines 1"))
                await asyncio.sleep(0.5)
                assert not waiting.done()
                given_up.cancel()
            assert len(await waiting) == 2  # without a run, the worker is let go
            assert len(await answers(link, "lines 2")) == 3  # nothing is left of the one that was given up

    asyncio.run(test())


def test_a_run_is_cancelled(cluster: Cluster) -> None:
    async def test() -> None:
        before = len(runs(cluster))
        async with linked(cluster) as link:
            begun = asyncio.Event()
            running = asyncio.create_task(run_long(link, begun))
            await begun.wait()
            running.cancel()
            await asyncio.wait([running])
            await answers(link, "lines 0")
        assert runs(cluster)[before:] == ["cancelled", "lines"]

    asyncio.run(test())


def test_a_gateway_that_ends_cancels_its_runs(cluster: Cluster) -> None:
    async def test() -> None:
        before = len(runs(cluster))
        begun = asyncio.Event()
        async with linked(cluster) as link:
            running = asyncio.create_task(run_long(link, begun))
            await begun.wait()
            driver = driver_of_this()
        with pytest.raises(WorkerLost):
            await running
        assert not driver.is_running()
        await until(lambda: runs(cluster)[before:] == ["cancelled"])

    asyncio.run(test())


def test_a_driver_that_is_killed_leaves_no_worker_reserved(cluster: Cluster) -> None:
    async def test() -> None:
        async with linked(cluster) as link:
            async with link.lane() as lane:
                await lane.free()
                driver_of_this().kill()
                with pytest.raises(WorkerLost) as lost:
                    _ = [line async for line in lane.run(Order("lines 1", (), (), ""))]
                assert lost.value.by == "machine"
            assert len(await asyncio.wait_for(answers(link, "lines 1"), 30)) == 2

    asyncio.run(test())


@pytest.mark.parametrize("what", ["die", "break"])
def test_a_worker_breaks_off_and_its_machine_lives(cluster: Cluster, what: str) -> None:
    async def test() -> None:
        async with linked(cluster) as link:
            with pytest.raises(WorkerLost) as lost:
                await answers(link, what)
            assert lost.value.by == "killed"
            assert len(await asyncio.wait_for(answers(link, "lines 1"), 30)) == 2

    asyncio.run(test())


@pytest.mark.slow
@pytest.mark.parametrize("remove", ["serve.delete('frugal-motion')", "serve.shutdown()"])
def test_the_app_may_be_removed_and_come_back(cluster: Cluster, remove: str) -> None:
    delete = f"import ray; from ray import serve; ray.init('auto', log_to_driver=False); {remove}"

    async def test() -> None:
        async with linked(cluster) as link:
            assert len(await answers(link, "lines 0")) == 1
            await asyncio.to_thread(cluster.run, "-c", delete)
            waiting = asyncio.create_task(answers(link, "lines 1"))
            await until(lambda: not link.state.up)
            await asyncio.to_thread(cluster.run, APP, cluster.folder, json.dumps(OPTIONS))
            assert len(await asyncio.wait_for(waiting, 60)) == 2

    asyncio.run(test())


@pytest.mark.slow
def test_machines_are_drained_and_lost(cluster: Cluster) -> None:
    async def test() -> None:
        async with linked(cluster) as link:
            async with link.lane() as lane:
                first = await lane.free()
            await asyncio.to_thread(cluster.drain, first.node)
            await until(lambda: any(seen.draining for seen in link.state.workers))
            waiting = asyncio.create_task(answers(link, "long"))
            node = await asyncio.to_thread(cluster.add_node, "--num-cpus=0", '--resources={"worker": 1}')
            await until(lambda: {seen.draining for seen in link.state.workers} >= {False})
            await asyncio.sleep(2)
            assert not waiting.done()
            node.kill()
            with pytest.raises(WorkerLost) as lost:
                await waiting
            assert lost.value.by == "machine"

    asyncio.run(test())
