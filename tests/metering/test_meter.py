"""Seconds go to the stage that works."""

from __future__ import annotations

import pytest

from frugal_motion.nodes.economy.report import Report
from frugal_motion.nodes.metering.meter import Ledger, Meter, Reading


class Machine:
    """A machine whose totals a test moves."""

    seconds = processor = joules = 0.0
    peak = 0
    event: Mark | None = None

    def __call__(self) -> Reading:
        peak, self.peak = self.peak, 0
        return Reading(self.seconds, self.processor, self.joules, peak, self.event)


class Mark:
    """A mark of a GPU that is at a time of its own."""

    def __init__(self, milliseconds: float) -> None:
        self.milliseconds, self.reached = milliseconds, False

    def synchronize(self) -> None:
        self.reached = True

    def elapsed_time(self, end_event: Mark) -> float:
        assert end_event.reached
        return end_event.milliseconds - self.milliseconds


def test_an_inner_stage_pauses_the_outer_one() -> None:
    machine = Machine()
    meter = Meter(machine)
    with meter.stage("9", "Save", "cpu"):
        machine.seconds = 1
        for _ in range(2):
            with meter.stage("5", "Interpolate", "cuda:0"):
                machine.seconds += 10
            machine.seconds += 0.5
    machine.seconds += 100
    assert {i: cost.seconds for i, cost in meter.costs.items()} == {"9": 2.0, "5": 20.0}


def test_a_stage_that_fails_is_charged_and_left() -> None:
    machine = Machine()
    meter = Meter(machine)
    try:
        with meter.stage("1", "Load", "cpu"):
            machine.seconds = 3
            raise ValueError
    except ValueError:
        pass
    with meter.stage("2", "Save", "cpu"):
        machine.seconds = 4
    assert [cost.seconds for cost in meter.costs.values()] == [3, 1]


def test_the_ledger_forgets_the_oldest_run() -> None:
    ledger = Ledger(limit=2)
    first = ledger.meter("a")
    ledger.meter("b"), ledger.meter("c")
    assert ledger.meter("a") is not first


def test_a_closed_run_is_given_once() -> None:
    ledger = Ledger()
    meter = ledger.meter("a")
    assert ledger.runs() == ["a"] and ledger.close("a") is meter
    assert ledger.runs() == [] and ledger.close("a") is None


def test_processor_energy_and_memory_go_to_the_stage_that_works() -> None:
    machine = Machine()
    meter = Meter(machine)
    with meter.stage("9", "Save", "cpu"):
        machine.processor, machine.joules, machine.peak = 2, 5, 100
        with meter.stage("5", "Interpolate", "cuda:0"):
            machine.processor, machine.joules, machine.peak = 3, 50, 700
        machine.processor, machine.peak = 7, 200
    save, interpolate = meter.costs["9"], meter.costs["5"]
    assert (save.processor_seconds, save.joules, save.peak_bytes) == (6, 5, 200)
    assert (interpolate.processor_seconds, interpolate.joules, interpolate.peak_bytes) == (1, 45, 700)


def test_seconds_of_the_gpu_are_between_its_own_marks() -> None:
    machine = Machine()
    meter = Meter(machine)
    machine.event = Mark(1000)
    with meter.stage("5", "Interpolate", "cuda:0"):
        machine.seconds, machine.event = 0.1, Mark(3500)  # the GPU is still at it when the processor is through
    with meter.stage("6", "Save", "cpu"):
        machine.seconds, machine.event = 4, Mark(4000)
    for _ in range(2):  # asking twice counts once
        assert meter.costs["5"].gpu_seconds == 2.5 and meter.costs["6"].gpu_seconds == 0


def test_a_gpu_that_wakes_up_inside_a_stage() -> None:
    machine = Machine()
    meter = Meter(machine)
    with meter.stage("5", "Sample", "cuda:0"):
        machine.seconds, machine.event = 3, Mark(10)
    assert meter.costs["5"].gpu_seconds == 0 and meter.costs["5"].seconds == 3


@pytest.mark.parametrize(
    ("hits", "cached", "shown"),
    [((True,), True, "yes"), ((False,), False, "no"), ((), False, "no"), ((True, True), True, "yes")]
    + [((True, False, False), False, "1 of 3"), ((False, True, True), False, "2 of 3")],
)
def test_what_is_cached_of_some_clips_is_not_cached(hits: tuple[bool, ...], cached: bool, shown: str) -> None:
    meter = Meter(Machine())
    for clip, hit in enumerate(hits):
        with meter.stage("1", "Pose", "cpu", clip=clip) as cost:
            cost.hits += hit
            cost.misses += not hit
    for clip in range(3):  # what it gave is read by a node that is called for each clip
        with meter.stage("1", "Pose", "cpu", clip=clip):
            pass
    cost = meter.costs["1"]
    assert cost.cached == cached and f"| {shown} " in Report((cost,)).as_text()


def test_seconds_by_clip() -> None:
    machine = Machine()
    meter = Meter(machine)
    for clip, seconds in ((0, 1), (1, 3), (0, 5)):
        with meter.stage("2", "Draw", "cpu", clip=clip):
            machine.seconds += seconds
    assert meter.costs["2"].clips == pytest.approx({0: 6, 1: 3})
