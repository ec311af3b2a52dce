"""What a run has cost is kept when it has left ComfyUI's queue."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import execution
import pytest

from frugal_motion.nodes.economy.run_keeper import RunKeeper, stored_runs
from frugal_motion.nodes.host.folders import user_folder
from frugal_motion.nodes.metering.meter import Ledger, Reading

PROMPT = {"7": {"class_type": "FrugalKeyframeSampler", "inputs": {}, "_meta": {"title": "My Sampler"}}}


class Bench:
    """A queue in which one prompt runs that has cost 5 seconds so far."""

    def __init__(self) -> None:
        self.queue = execution.PromptQueue(Mock())
        self.seconds = 0.0
        self.ledger = Ledger(probe=lambda: Reading(self.seconds))
        self.told: list[dict[str, Any]] = []
        self.keeper = RunKeeper(self.queue, self.ledger, self.told.append)
        self.queue.put((0, "run-1", PROMPT, {}, [], {}))
        _, self.number = self.queue.get(timeout=0)
        with self.ledger.meter("run-1").stage("7", "Sampler", "cuda:0"):
            self.seconds += 5

    def end(self, status: str = "success") -> None:
        messages: Any = [("execution_start", {"timestamp": 1000}), ("execution_" + status, {"timestamp": 9000})]
        ended = execution.PromptQueue.ExecutionStatus(status, status == "success", messages)
        self.queue.task_done(self.number, {"outputs": {}, "meta": {}}, ended, lambda item: item[:5])

    def look(self) -> list[dict[str, Any]]:
        asyncio.run(self.keeper.look())
        return list(stored_runs().newest())


def test_a_run_is_kept_once_when_it_has_ended() -> None:
    bench = Bench()
    assert bench.look() == []
    bench.end()
    (record,) = bench.look()
    assert record["run"] == "run-1" and record["status"] == "success" and record["prompt_seconds"] == 8
    assert [(stage["stage"], stage["seconds"]) for stage in record["stages"]] == [("My Sampler", 5)]
    assert record["prompt"] == PROMPT
    assert [told["run"] for told in bench.told] == ["run-1"] and "prompt" not in bench.told[0]
    assert len(bench.look()) == 1 and len(bench.told) == 1


def test_a_run_that_failed_is_kept_too() -> None:
    bench = Bench()
    bench.end("error")
    assert bench.look()[0]["status"] == "error"


@pytest.mark.parametrize("meta", [None, "x", [], {"title": None}])
def test_a_node_may_have_any_meta(meta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROMPT["7"], "_meta", meta)
    bench = Bench()
    bench.end()
    assert [stage["stage"] for stage in bench.look()[0]["stages"]] == ["FrugalKeyframeSampler"]


def test_one_run_that_cannot_be_kept_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with bench.ledger.meter("run-0").stage("7", "Sampler", "cuda:0"):
        bench.seconds += 1
    bench.queue.history["run-0"] = {"prompt": ()}
    bench.end()
    assert [record["run"] for record in bench.look()] == ["run-1"] and "run-0 has cost is not kept" in caplog.text
    caplog.clear()
    bench.look()
    assert not caplog.text, "and is not met again"


def test_a_history_that_was_wiped_takes_no_costs_with_it() -> None:
    bench = Bench()
    bench.end()
    bench.queue.wipe_history()
    (record,) = bench.look()
    assert record["gpu_seconds"] == 5 and record["prompt"] == {} and record["prompt_seconds"] is None


def test_a_full_disk_is_said_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.end()
    user_folder("").joinpath("runs").write_text("a file where the folder should be", encoding="utf-8")
    asyncio.run(bench.keeper.look())
    assert "is not kept" in caplog.text and bench.told


def test_a_queue_that_is_not_as_expected_stops_the_keeper_alone(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(RunKeeper(object(), Ledger(), lambda _: None).run())
    assert "not kept any more" in caplog.text
