"""Lazy work is charged to the node that asked for it, in the run in which it is done."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from comfy_api.latest import io
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.economy.meter import Ledger
from frugal_motion.nodes.host import node as host
from frugal_motion.nodes.host.node import FrugalNode, run_costs
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.video.stream import CHUNK, Frames, FrameStream, VideoInfo


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only the work below moves."""
    monkeypatch.setattr(Clock, "now", 0.0)
    monkeypatch.setattr(host, "ledger", Ledger(clock=Clock()))


class SlowStream(FrameStream):
    info = VideoInfo(4, 4, Fraction(12), 6)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        for first in range(0, 6, 2):
            Clock.now += 10
            yield np.full((2, 4, 4, 3), first, np.uint8)


class Make(FrugalNode):
    DEVICE = "gpu"

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema("TestMake", "Make", outputs=[io.Video.Output()])

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(StreamVideo(SlowStream(), cls.stage()))


class Read(FrugalNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema("TestRead", "Read", inputs=[io.Video.Input("video")])

    @classmethod
    def execute(cls, video: StreamVideo) -> io.NodeOutput:
        for _ in as_stream(video).chunks():
            Clock.now += 1
        return io.NodeOutput()


def test_the_maker_is_charged_when_another_node_reads() -> None:
    with CurrentNodeContext("run 1", "7"):
        video = Make.execute().args[0]
    with CurrentNodeContext("run 1", "8"):
        Read.execute(video)
        costs = run_costs()
    assert (costs["7"].stage, costs["7"].frames, costs["7"].seconds) == ("Make", 6, 30)
    assert costs["8"].seconds == 3


def test_work_kept_from_an_earlier_run_is_charged_to_the_run_that_does_it() -> None:
    with CurrentNodeContext("run 2", "7"):
        video = Make.execute().args[0]
    with CurrentNodeContext("run 3", "8"):
        Read.execute(video)
    assert host.ledger.meter("run 2").costs["7"].seconds == 0
    assert host.ledger.meter("run 3").costs["7"].seconds == 30


def test_nothing_is_charged_outside_a_run() -> None:
    assert Read.execute(Make.execute().args[0]).args == ()
    assert run_costs() == {}
