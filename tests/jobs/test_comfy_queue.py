"""Jobs on ComfyUI's own queue."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock, Mock

import execution
import pytest

from frugal_motion.nodes.host.queue import enqueue
from frugal_motion.nodes.jobs import comfy_queue
from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.comfy_queue import QueueMachine
from frugal_motion.nodes.jobs.merge import merged
from frugal_motion.nodes.jobs.merged_runs import merged_runs

PROMPTS = [{"1": {"class_type": "X", "inputs": {"file": file}}} for file in ("a", "b")]


@pytest.fixture
def server() -> Mock:
    return Mock(prompt_queue=execution.PromptQueue(Mock()), sockets={})


def batch(proceeded: Any = lambda node: None) -> Batch:
    return Batch([Mock(), Mock()], merged(PROMPTS, comfy_queue.kind_of), proceeded)


def test_nodes_that_run_at_once_know_whose_they_are(server: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    async def enqueue(_server: Any, _prompt: Any, _client: str, prompt_id: str, _place: None) -> None:
        found.append(merged_runs.origin(prompt_id, "1~2"))

    monkeypatch.setattr(comfy_queue, "enqueue", enqueue)
    ended = asyncio.run(QueueMachine(server).run(one := batch()))
    assert found == [(PROMPTS[1], "1")]
    assert ended.status == "lost" and merged_runs.origin(one.run, "1~2") is None and server.sockets == {}


def test_comfyui_never_hears_of_a_failure(server: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(node: str) -> None:
        raise OSError("the disk is full")

    async def enqueue(_server: Any, _prompt: Any, client: str, prompt_id: str, _place: None) -> None:
        data = {"prompt_id": prompt_id, "node": "1~1", "output": {"images": []}}
        await server.sockets[client].send_json({"type": "executed", "data": data})

    monkeypatch.setattr(comfy_queue, "enqueue", enqueue)
    asyncio.run(QueueMachine(server).run(one := batch(full)))
    assert one.outputs == {"1~1": {"images": []}}


def test_a_prompt_that_was_taken_back_returns_to_its_place(server: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    server.number = 3
    monkeypatch.setattr("frugal_motion.nodes.host.queue.accepted", AsyncMock(return_value=["1"]))
    works = QueueMachine(server)

    def others() -> list[str]:
        return [item[1] for item in sorted(server.prompt_queue.queue)]

    async def taken_back(one: Batch) -> None:
        running = asyncio.create_task(works.run(one))
        while one.run not in others():
            await asyncio.sleep(0)
        await enqueue(server, {}, prompt_id="editor")
        assert others() == [one.run, "editor"]
        assert works.withdraw(one, even_if_running=False)
        await running

    async def again(place: float | None) -> list[str]:
        two = batch()
        two.place = place
        running = asyncio.create_task(works.run(two))
        while two.run not in others():
            await asyncio.sleep(0)
        found = others()
        works.withdraw(two, even_if_running=False)
        await running
        return ["two" if run == two.run else run for run in found]

    asyncio.run(taken_back(one := batch()))
    assert one.place == 3
    assert asyncio.run(again(one.place)) == ["two", "editor"]
    assert asyncio.run(again(None)) == ["editor", "two"]
