"""Seconds go to the stage that works."""

from __future__ import annotations

from frugal_motion.nodes.economy.meter import Ledger, Meter, StageCost
from frugal_motion.nodes.economy.report import Report


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_inner_stage_pauses_the_outer_one() -> None:
    clock = Clock()
    meter = Meter(clock)
    with meter.stage("9", "Save", "cpu"):
        clock.now = 1
        for _ in range(2):
            with meter.stage("5", "Interpolate", "cuda:0"):
                clock.now += 10
            clock.now += 0.5
    clock.now += 100
    assert {i: cost.seconds for i, cost in meter.costs.items()} == {"9": 2.0, "5": 20.0}


def test_a_stage_that_fails_is_charged_and_left() -> None:
    clock = Clock()
    meter = Meter(clock)
    try:
        with meter.stage("1", "Load", "cpu"):
            clock.now = 3
            raise ValueError
    except ValueError:
        pass
    with meter.stage("2", "Save", "cpu"):
        clock.now = 4
    assert [cost.seconds for cost in meter.costs.values()] == [3, 1]


def test_the_ledger_forgets_the_oldest_run() -> None:
    ledger = Ledger(limit=2)
    first = ledger.meter("a")
    ledger.meter("b"), ledger.meter("c")
    assert ledger.meter("a") is not first


def test_dollars_count_the_gpu_alone() -> None:
    stages = (
        StageCost("Load", "cpu", 30.0, 100),
        StageCost("Sample", "cuda:0", 18.0, 6),
        StageCost("Pose", "-", cached=True),
    )
    report = Report(stages, price=2.0)
    assert report.dollars == 0.01 and report.gpu_seconds == 18 and report.seconds == 48
    lines = [line.strip("| ").split() for line in report.as_text().replace(" | ", " ").splitlines()]
    assert lines[0] == ["stage", "device", "seconds", "frames", "cached"]
    assert lines[3] == ["Sample", "cuda:0", "18.00", "6", "no"]
    assert lines[4] == ["Pose", "-", "-", "-", "yes"]
    assert "$0.0100" in lines[-1]
