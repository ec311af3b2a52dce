"""Lazy work is charged to the node that asked for it, in the run in which it is done."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch
from comfy_api.latest import io
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.host import frugal_node as host
from frugal_motion.nodes.host.frugal_node import FrugalNode, run_costs
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.metering.meter import Ledger, Reading
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames, FrameStream, VideoInfo


class Clock:
    now = 0.0

    def __call__(self) -> Reading:
        return Reading(self.now)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only the work below moves."""
    monkeypatch.setattr(Clock, "now", 0.0)
    monkeypatch.setattr(host, "ledger", Ledger(probe=Clock()))


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


class Several(FrugalNode):
    FRAME_OUTPUTS = slice(None, None, 2)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema("TestSeveral", "Several")

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(torch.zeros(2, 4, 4, 3), "a plan", [torch.zeros(3, 4, 4, 3)] * 2, torch.zeros(9, 4, 4, 3))


def test_frames_are_those_of_the_outputs_that_hold_them() -> None:
    with CurrentNodeContext("run 1", "7"):
        Several.execute()
        assert run_costs()["7"].frames == 2 + 2 * 3


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


def test_a_loaded_clip_can_still_be_entered_in_the_middle() -> None:
    frames = np.arange(10 * 4 * 4 * 3).reshape(10, 4, 4, 3).astype(np.uint8)
    with CurrentNodeContext("run 9", "7"):
        stream = StreamVideo(ArrayStream(frames, Fraction(12)), Make.stage()).stream
        part = np.concatenate(list(stream.section(3, 8, 2)))
        costs = run_costs()
    assert stream.seekable
    np.testing.assert_array_equal(part, frames[3:8])
    assert costs["7"].frames == 5


def test_part_of_a_video_has_sections_of_its_own() -> None:
    frames = np.arange(24 * 4 * 4 * 3).reshape(24, 4, 4, 3).astype(np.uint8)
    part = StreamVideo(ArrayStream(frames, Fraction(12))).as_trimmed(0.5, 1.0)
    assert part is not None and part.stream.seekable
    np.testing.assert_array_equal(np.concatenate(list(part.stream.chunks(5))), frames[6:18])
    np.testing.assert_array_equal(np.concatenate(list(part.stream.section(2, 40))), frames[8:18])


def test_the_editor_is_told_what_a_node_is_searched_by() -> None:
    class Found(Read):
        SEARCH_ALIASES = ("look", "watch")

    assert Found.GET_NODE_INFO_V1()["search_aliases"] == ["Read", "look", "watch"]
