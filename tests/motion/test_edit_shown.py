"""What the panel of Edit Motion is told."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import folder_paths
import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl, Types
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host import previews
from frugal_motion.nodes.host.background import background_work
from frugal_motion.nodes.host.frugal_node import Stage
from frugal_motion.nodes.host.queue import UNWATCHED_CLIENT
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.motion.editing.by_hand.apply import edited
from frugal_motion.nodes.motion.editing.by_hand.edits import parse
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node.edit_shown import shown_edit
from frugal_motion.nodes.motion.player_file import packed, unpacked
from frugal_motion.nodes.motion.report.troubles import find_troubles
from frugal_motion.nodes.video.stream import ArrayStream

from .synthetic import damaged, dance

MOTION = damaged(dance(2, people=2))
FRAMES = np.broadcast_to((5 * np.arange(50)).astype(np.uint8)[:, None, None, None], (50, 36, 64, 3))
EDITS = """{"version":1,"edits":[{"do":"repair","from":0,"to":49},{"do":"hold","frame":10,"frames":5},
    {"do":"drop","person":2},{"do":"drop","person":7}]}"""


class Server:
    """An editor that watches."""

    def __init__(self) -> None:
        self.client_id: str | None = "editor"

    def send_sync(self, *_: Any) -> None:
        pass

    def send_progress_text(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(previews.PromptServer, "instance", server, raising=False)
    with CurrentNodeContext("run 1", "5"):
        yield server


class Counted(ArrayStream):
    """Says how often it was read."""

    passes = 0

    def chunks(self, *size: int) -> Iterator[np.ndarray]:
        self.passes += 1
        return super().chunks(*size)


def content(file: dict[str, str]) -> bytes:
    assert file["type"] == "temp"
    return (Path(folder_paths.get_temp_directory()) / file["subfolder"] / file["filename"]).read_bytes()


def shown(text: str = "", video: Any = None, motion: Motion = MOTION, stage: Stage | None = None) -> dict[str, Any]:
    edits = parse(text)
    result = edited(motion, edits)
    (told,) = shown_edit(motion, edits, video, result.motion, result.notes, stage)["frugal_edit"]
    assert isinstance(told, dict)
    return told


def test_the_panel_gets_the_motion_the_result_and_what_is_left_to_do(server: Server) -> None:
    told = shown(EDITS)
    result = edited(MOTION, parse(EDITS))
    assert content(told["motion"]) == packed(MOTION)
    assert content(told["result"]) == packed(result.motion) and result.motion.frame_count == 55
    assert told["notes"] == [{"edit": 3, "why": result.notes[0].why}]
    assert told["film"] is None
    assert parse(told["edits"]) == parse(EDITS)
    assert set(told) == {"motion", "result", "edits", "troubles", "notes", "film"}


def test_troubles_are_in_frames_of_the_source_and_those_that_are_left(server: Server) -> None:
    assert shown()["troubles"] == [trouble.as_dict() for trouble in find_troubles(MOTION)]
    left = shown(EDITS)["troubles"]
    assert len(left) < len(shown()["troubles"]) / 2
    dropped = shown('{"version":1,"edits":[{"do":"drop","person":2}]}')["troubles"]
    assert dropped == shown()["troubles"], "who is taken out is still edited"


def test_a_long_motion_is_shown_whole() -> None:
    long = Motion(np.full((6000, 1, 60, 3), 0.5, np.float32), Fraction(30), 64, 64)
    assert unpacked(content(shown(motion=long)["motion"])).frame_count == 6000


def test_the_video_is_filmed_for_whoever_watches(server: Server) -> None:
    film = shown(video=StreamVideo(ArrayStream(FRAMES, Fraction(25))))["film"]
    assert [film[name] for name in ("columns", "rows", "width", "height", "step", "count")] == [6, 6, 64, 36, 1, 50]
    sheets = [cv2.imdecode(np.frombuffer(content(file), np.uint8), cv2.IMREAD_COLOR) for file in film["files"]]
    assert [sheet.shape for sheet in sheets] == [(216, 384, 3)] * 2
    assert abs(float(sheets[1][:36, :64].mean()) - 5 * 36) < 2


def test_videos_of_core_are_filmed_too(server: Server) -> None:
    images = torch.from_numpy(FRAMES.astype(np.float32) / 255)
    video = InputImpl.VideoFromComponents(Types.VideoComponents(images=images, audio=None, frame_rate=Fraction(25)))
    assert shown(video=video)["film"]["count"] == 50


@pytest.mark.parametrize("client", [None, UNWATCHED_CLIENT])
def test_nothing_is_filmed_for_nobody(server: Server, client: str | None) -> None:
    server.client_id = client
    stream = Counted(FRAMES, Fraction(25))
    told = shown(video=StreamVideo(stream))
    assert told["film"] is None and stream.passes == 0
    assert told["troubles"] is None and told["motion"], "the editor that opens the run asks for troubles"


def test_ahead_of_the_run_nothing_is_made(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "temp_file", lambda *_: pytest.fail("a file was written"))
    with background_work():
        assert shown_edit(MOTION, parse(""), StreamVideo(ArrayStream(FRAMES, Fraction(25))), MOTION, []) == {}


def test_a_film_is_made_once_for_all_edits(server: Server) -> None:
    stage = Stage("5", "Edit Motion", "cpu", "FrugalEditMotion")
    stream = Counted(FRAMES, Fraction(25))
    stream.content = lambda: FRAMES  # type: ignore[method-assign]
    first = shown(video=StreamVideo(stream), stage=stage)["film"]
    again = shown(EDITS, video=StreamVideo(stream), stage=stage)["film"]
    assert again == first and stream.passes == 1


def test_what_is_no_video_is_refused(server: Server) -> None:
    with pytest.raises(InputError, match="video"):
        shown(video=3)


def test_a_full_disk_stops_no_run(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(previews, "temp_file", full)
    told = shown(video=StreamVideo(ArrayStream(FRAMES, Fraction(25))))
    assert told["motion"] is told["film"] is None and told["troubles"]
