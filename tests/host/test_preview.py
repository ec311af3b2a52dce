"""A stream that is shown on its node once it has been read."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import folder_paths
import numpy as np
import pytest
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.host import previews
from frugal_motion.nodes.host.frugal_node import Stage
from frugal_motion.nodes.host.queue import UNWATCHED_CLIENT
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.video.stream import ArrayStream

SHOWN = Stage("5", "Interpolate Frames", "gpu", is_shown=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    class Server:
        client_id: str | None = "editor"
        sent: list[tuple[str, dict[str, Any], str]] = []

        def send_sync(self, *given: Any) -> None:
            self.sent.append(given)

    server = Server()
    server.sent = []
    monkeypatch.setattr(previews.PromptServer, "instance", server, raising=False)
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    return server


def clip(count: int, height: int = 90, width: int = 160) -> ArrayStream:
    """Brighter from frame to frame."""
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = np.linspace(40, 220, count).astype(np.uint8)[:, None, None, None]
    return ArrayStream(frames, Fraction(25))


def read(stream: ArrayStream, stage: Stage = SHOWN) -> int:
    """What the node that saves does, in a run that an editor has posted."""
    with CurrentNodeContext("run 1", "9"):
        return sum(len(chunk) for chunk in StreamVideo(stream, stage).stream.chunks())


def shown(server: Any, temp: Path) -> tuple[float, list[int]]:
    """Seconds of the video that was shown, and how bright its frames are."""
    (event, told, client) = server.sent[-1]
    assert (event, client) == ("executed", "editor")
    assert (told["node"], told["display_node"], told["prompt_id"]) == ("5", "5", "run 1")
    (file,) = told["output"]["images"]
    assert file["type"] == "temp"
    with av.open(str(temp / file["subfolder"] / file["filename"])) as video:
        seconds = float(Fraction(video.duration or 0, av.time_base))
        return seconds, [int(frame.to_ndarray(format="rgb24").mean()) for frame in video.decode(video=0)]


def test_what_was_read_is_shown_by_the_node_that_made_it(server: Any, tmp_path: Path) -> None:
    assert read(clip(50, 720, 1280)) == 50
    seconds, bright = shown(server, tmp_path)
    assert seconds == pytest.approx(2)
    assert np.abs(np.array(bright) - np.linspace(40, 220, 50)).max() < 4


def test_a_long_clip_is_shown_by_some_of_its_frames(server: Any, tmp_path: Path) -> None:
    assert read(clip(1000)) == 1000
    seconds, bright = shown(server, tmp_path)
    assert len(bright) == 250 and seconds == pytest.approx(40)
    assert np.abs(np.array(bright) - np.linspace(40, 220, 1000)[::4]).max() < 4


def test_a_stream_reads_the_same_whether_it_is_shown_or_not(server: Any) -> None:
    with CurrentNodeContext("run 1", "9"):
        read_there = np.concatenate(list(StreamVideo(clip(30), SHOWN).stream.chunks()))
    assert len(server.sent) == 1 and np.array_equal(read_there, clip(30).frames)


@pytest.mark.parametrize("who", ["nobody watches", "a job", "no stage that is shown", "no run"])
def test_nothing_is_made_that_nobody_sees(server: Any, tmp_path: Path, who: str) -> None:
    if who == "nobody watches":
        server.client_id = None
    if who == "a job":
        server.client_id = UNWATCHED_CLIENT
    if who == "no run":
        assert sum(map(len, StreamVideo(clip(5), SHOWN).stream.chunks())) == 5
    else:
        assert read(clip(5), Stage("5", "Upscale", "gpu") if who.startswith("no stage") else SHOWN) == 5
    assert server.sent == [] and not list(tmp_path.rglob("*.mp4"))


def test_a_clip_that_is_not_read_to_its_end_is_not_shown(server: Any) -> None:
    with CurrentNodeContext("run 1", "9"):
        next(iter(StreamVideo(clip(40), SHOWN).stream.chunks()))
    assert server.sent == []


def test_no_preview_stops_a_run(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Iterator[None]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(previews, "temp_file", full)
    assert read(clip(5)) == 5
    assert server.sent == []
    assert read(clip(5, 3, 1)) == 5, "smaller than encoders take"
