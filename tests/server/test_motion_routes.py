"""Motions that are edited by hand, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import folder_paths
import numpy as np
import pytest
from aiohttp import web

from frugal_motion.nodes.host.folders import temp_file
from frugal_motion.nodes.motion.editing.by_hand.apply import edited, posed
from frugal_motion.nodes.motion.editing.by_hand.edits import parse
from frugal_motion.nodes.motion.editing.by_hand.times import time_map
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.player_file import LARGEST_EDITED, packed, unpacked
from frugal_motion.nodes.motion.report.troubles import find_troubles
from frugal_motion.nodes.server import motion_routes
from frugal_motion.nodes.server.motion_routes import add_motion_routes

from ..motion.synthetic import Damage, damaged, dance

ROUTE = "/frugal-motion/motion/edit"
Ask = Callable[..., Coroutine[Any, Any, tuple[int, Any]]]


@asynccontextmanager
async def served() -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A session, and the address of the route on a server that is started as ComfyUI starts its own."""
    routes = web.RouteTableDef()
    add_motion_routes(routes)
    app = web.Application(client_max_size=64_000_000)
    app.add_routes(routes)
    runner = web.AppRunner(app, lingering_time=0.1)  # for the rest of a body that is refused
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        async with aiohttp.ClientSession() as session:
            yield session, f"http://{host}:{port}{ROUTE}"
    finally:
        await runner.cleanup()


def asking(work: Callable[[Ask], Coroutine[Any, Any, None]]) -> None:
    """Do something with a server of this route alone."""

    async def main() -> None:
        async with served() as (session, address):

            async def ask(**body: Any) -> tuple[int, Any]:
                async with session.post(address, json=body) as answer:
                    found = await answer.text()
                    return answer.status, json.loads(found, parse_constant=pytest.fail)

            await work(ask)

    asyncio.run(main())


def asked(**body: Any) -> tuple[int, Any]:
    """One answer of a fresh server."""
    answers: list[tuple[int, Any]] = []

    async def once(ask: Ask) -> None:
        answers.append(await ask(**body))

    asking(once)
    return answers[0]


def shown(motion: Motion) -> dict[str, str]:
    return temp_file(packed(motion, LARGEST_EDITED), ".motion")


def read(answer: dict[str, Any]) -> Motion:
    return unpacked(base64.b64decode(answer["motion"]))


def text(*edits: dict[str, Any]) -> str:
    return json.dumps({"version": 1, "edits": edits})


MOVE = {"do": "move", "frame": 20, "person": 1, "joint": "left_wrist", "by": [0.05, -0.1], "before": 5, "after": 5}
REPAIR = {"do": "repair", "person": 0, "from": 0, "to": 60}
HIDE = {"do": "hide", "person": 2, "joint": "nose", "from": 10, "to": 30}
SHOW = {"do": "show", "person": 1, "joint": "left_knee", "from": 0, "to": 70}
SPEED = {"do": "speed", "from": 30, "to": 49, "factor": 2.0}
HOLD = {"do": "hold", "frame": 5, "frames": 7}
DROP = {"do": "drop", "person": 2}
NOBODY = {"do": "repair", "person": 9, "from": 0, "to": 5}
ALL_KINDS = (MOVE, NOBODY, REPAIR, HIDE, SHOW, SPEED, HOLD, DROP, {**MOVE, "joint": "right_knee", "person": 7})


@pytest.fixture
def motion() -> Motion:
    """As the file tells it, which is not exactly as it was."""
    return unpacked(packed(damaged(dance(3, people=2), Damage(0.004, 0.05, 4, 0.01, 0.01))))


def test_what_the_edits_make_of_a_motion(motion: Motion) -> None:
    edits = text(*ALL_KINDS)
    code, answer = asked(motion=shown(motion), edits=edits, want="posed")
    expected = posed(motion, parse(edits))
    assert code == 200 and answer["first"] == 0
    assert packed(read(answer)) == packed(expected.motion)
    assert answer["notes"] == [{"edit": note.edit, "why": note.why} for note in expected.notes]
    assert [note["edit"] for note in answer["notes"]] == [1, 8]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (14, 33), (20, 20), (74, 74), (0, 74)])
def test_some_frames_are_as_in_the_whole(motion: Motion, first: int, last: int) -> None:
    edits = text(*ALL_KINDS)
    code, answer = asked(motion=shown(motion), edits=edits, frames=[first, last])
    assert code == 200 and answer["first"] == first
    whole = posed(motion, parse(edits)).motion
    assert packed(read(answer)) == packed(whole.with_keypoints(whole.keypoints[first : last + 1]))


def test_the_result_comes_with_its_times(motion: Motion) -> None:
    edits = text(*ALL_KINDS)
    code, answer = asked(motion=shown(motion), edits=edits, want="result")
    expected = edited(motion, parse(edits))
    assert code == 200 and packed(read(answer)) == packed(expected.motion) and read(answer).people == 1
    assert answer["times"] == pytest.approx(list(time_map(parse(edits), motion.frame_count)))
    assert len(answer["times"]) == read(answer).frame_count != motion.frame_count


def test_times_are_of_the_frames_that_are_sent(motion: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that is too long is thinned."""
    file, edits = shown(motion), text({**HOLD, "frames": 100})
    monkeypatch.setattr(motion_routes, "LARGEST_EDITED", len(packed(motion, LARGEST_EDITED)))
    code, answer = asked(motion=file, edits=edits, want="result")
    assert code == 200 and struct.unpack_from("<3I", base64.b64decode(answer["motion"]), 4) == (59, 175, 3)
    assert answer["times"] == time_map(parse(edits), motion.frame_count)[::3].tolist()


def test_troubles_are_those_that_are_left(motion: Motion) -> None:
    file = shown(motion)
    before = asked(motion=file, want="troubles")[1]["troubles"]
    after = asked(motion=file, want="troubles", edits=text({**REPAIR, "to": 74}))[1]["troubles"]
    assert before == [trouble.as_dict() for trouble in find_troubles(motion)]
    assert len(after) < len(before) / 2


def test_no_edits_are_the_motion_itself(motion: Motion) -> None:
    code, answer = asked(motion=shown(motion))
    assert code == 200 and base64.b64decode(answer["motion"]) == packed(motion) and answer["notes"] == []


@pytest.mark.parametrize(
    "edits",
    [
        "{",
        "[]",
        "3",
        text({"do": "fly"}),
        text({**MOVE, "by": [1]}),
        '{"version":1,"edits":[{"do":"hold","frame":NaN}]}',
    ]
    + ['{"version": 2, "edits": []}', text({**MOVE, "frame": -1}), text(MOVE, {**MOVE, "joint": "tail"})],
)
def test_edits_that_are_wrong_are_refused_with_a_reason(motion: Motion, edits: str) -> None:
    code, answer = asked(motion=shown(motion), edits=edits)
    assert code == 400 and "edits" in answer["error"]


@pytest.mark.parametrize(
    "body",
    [
        {"want": "all"},
        {"want": None},
        {"want": ["posed"]},
        {"edits": None},
        {"edits": {}},
        {"edits": ["x"]},
        {"more": 1},
    ]
    + [{"frames": frames} for frames in ([5], [9, 3], [-1, 3], [0, 75], [0.0, 3], [True, True], "0-3", {}, [0, 1, 2])]
    + [{"frames": [0, 3], "want": "result"}, {"frames": [0, 3], "want": "troubles"}],
)
def test_requests_that_are_wrong_are_refused(motion: Motion, body: dict[str, Any]) -> None:
    code, answer = asked(motion=shown(motion), **body)
    assert code == 400 and "found" in answer["error"]


@pytest.mark.parametrize(
    "change",
    [{"type": "input"}, {"type": "output"}, {"type": "temp "}, {"filename": "../secret.motion"}, {"filename": ""}]
    + [{"filename": "/etc/secret.motion"}, {"subfolder": ".."}, {"subfolder": "frugal-motion/../.."}]
    + [
        {"subfolder": "/etc"},
        {"filename": "secret.txt"},
        {"filename": "secret.motion\0"},
        {"filename": "secret.MOTION"},
    ]
    + [{"subfolder": "a\0b"}, {"filename": 3}, {"subfolder": None}, {"filename": ".motion"}, {"filename": "x" * 9999}],
)
def test_other_files_are_refused(motion: Motion, tmp_path: Path, change: dict[str, Any]) -> None:
    for folder in (tmp_path, tmp_path / "temp" / "frugal-motion"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("secret.motion", "secret.txt", "secret.MOTION"):
            (folder / name).write_bytes(packed(motion))
    code, answer = asked(motion={**shown(motion), **change})
    assert code == 400 and ".motion file in ComfyUI's temp folder" in answer["error"]


@pytest.mark.parametrize("motion_file", [None, 3, "a.motion", [], {}, {"filename": "a.motion"}])
def test_what_names_no_file_is_refused(motion_file: Any) -> None:
    assert asked(motion=motion_file)[0] == 400


def test_links_out_of_the_folder_are_refused(motion: Motion, tmp_path: Path) -> None:
    file = shown(motion)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.motion").write_bytes(packed(motion))
    folder = tmp_path / "temp" / "frugal-motion"
    try:
        (folder / "link.motion").symlink_to(tmp_path / "elsewhere" / "secret.motion")
        (folder / "folder").symlink_to(tmp_path / "elsewhere")
        (folder / "round.motion").symlink_to(folder / "round.motion")
        (folder / "inside.motion").symlink_to(folder / file["filename"])
        (folder / "other.motion").symlink_to(folder / "other.txt")
        (folder / "other.txt").write_bytes(packed(motion))
    except OSError:  # Windows, without the right to make links
        pytest.skip("no links here")
    assert asked(motion={**file, "filename": "link.motion"})[0] == 400
    assert asked(motion={**file, "subfolder": "frugal-motion/folder", "filename": "secret.motion"})[0] == 400
    assert asked(motion={**file, "filename": "other.motion"})[0] == 400
    assert asked(motion={**file, "filename": "round.motion"})[0] in (400, 404)
    assert asked(motion={**file, "filename": "inside.motion"})[0] == 200


def test_a_motion_that_is_gone(motion: Motion) -> None:
    file = shown(motion)
    path = Path(folder_paths.get_temp_directory()) / file["subfolder"] / file["filename"]

    async def work(ask: Ask) -> None:
        assert (await ask(motion=file))[0] == 200
        path.unlink()
        code, answer = await ask(motion=file)
        assert code == 404 and "run the workflow again" in answer["error"], "though it is still in memory"
        path.mkdir()
        assert (await ask(motion=file))[0] == 404

    asking(work)


@pytest.mark.parametrize("content", [b"", b"FMP1", b"x" * 500])
def test_a_file_that_is_no_motion(content: bytes) -> None:
    code, answer = asked(motion=temp_file(content, ".motion"))
    assert code == 400 and "motion: found" in answer["error"]


def test_a_thinned_motion_is_not_edited() -> None:
    long = Motion(np.full((4000, 1, 60, 3), 0.5, np.float32), Fraction(30), 64, 64)
    code, answer = asked(motion=temp_file(packed(long), ".motion"))
    assert code == 400 and "4000 frames, 2000 of which are kept" in answer["error"]


def test_giant_requests_are_refused(motion: Motion) -> None:
    code, answer = asked(motion=shown(motion), edits=" " * 8_000_001)
    assert code == 413 and "8000000 bytes" in answer["error"]


def test_other_kinds_of_bodies_are_refused() -> None:
    async def main() -> None:
        async with served() as (session, address):
            for kind, body in (("text/plain", b"{}"), ("application/json", b"{"), ("application/json", b"[]")):
                async with session.post(address, data=body, headers={"Content-Type": kind}) as answer:
                    assert answer.status == 400

    asyncio.run(main())


def test_a_file_is_read_once_and_again_when_it_changes(motion: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []

    def counted(content: bytes) -> Motion:
        reads.append(len(content))
        return unpacked(content)

    monkeypatch.setattr(motion_routes, "unpacked", counted)
    file = shown(motion)
    path = Path(folder_paths.get_temp_directory()) / file["subfolder"] / file["filename"]

    async def work(ask: Ask) -> None:
        for first in range(5):
            assert (await ask(motion=file, edits=text(MOVE, REPAIR), frames=[first, first + 3]))[0] == 200
        assert len(reads) == 1
        path.write_bytes(packed(motion.with_keypoints(motion.keypoints[:40])))
        os.utime(path, ns=(1, 1))
        code, answer = await ask(motion=file)
        assert code == 200 and read(answer).frame_count == 40 and len(reads) == 2

    asking(work)


def test_slow_edits_are_made_once(motion: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    repaired: list[Any] = []
    posed_before = motion_routes.posed

    def counted(source: Motion, edits: Any, *frames: Any) -> Any:
        repaired.extend(edit for edit in edits.edits if edit.do == "repair" and not edit.off)
        return posed_before(source, edits, *frames)

    monkeypatch.setattr(motion_routes, "posed", counted)
    file = shown(motion)

    async def work(ask: Ask) -> None:
        for step in range(4):
            moved = {**MOVE, "by": [step / 100, 0]}
            edits = text(moved, REPAIR)
            code, answer = await ask(motion=file, edits=edits, frames=[10, 30])
            expected = posed(motion, parse(edits), range(10, 31)).motion
            assert code == 200 and packed(read(answer)) == packed(expected), "the answer is that of these edits"
        assert len(repaired) == 1
        await ask(motion=file, edits=text(MOVE, {**REPAIR, "to": 30}), frames=[10, 30])
        assert len(repaired) == 2

    asking(work)


def test_what_nobody_waits_for_any_more_is_not_done(motion: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []
    answer_before = motion_routes.EditedMotions.answer

    def slow(self: Any, given: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        assert go_on.wait(60)
        done.append(given["edits"])
        return answer_before(self, given)

    monkeypatch.setattr(motion_routes.EditedMotions, "answer", slow)
    file = shown(motion)

    async def work(ask: Ask) -> None:
        first = asyncio.create_task(ask(motion=file, edits=text(MOVE)))
        await asyncio.to_thread(begun.wait, 60)
        for step in range(5):
            outdated = asyncio.create_task(ask(motion=file, edits=text({**MOVE, "by": [step / 10, 0]})))
            await asyncio.sleep(0.05)
            outdated.cancel()
        last = asyncio.create_task(ask(motion=file, edits=text(HOLD)))
        await asyncio.sleep(0.05)
        go_on.set()
        assert [(await first)[0], (await last)[0]] == [200, 200]
        assert done == [text(MOVE), text(HOLD)]

    asking(work)


def test_many_ask_at_once() -> None:
    motions = [unpacked(packed(damaged(dance(2, people=2, seed=seed), seed=seed))) for seed in range(5)]
    files = [shown(motion) for motion in motions]
    chance = random.Random(3)
    wanted = [(chance.randrange(5), chance.randrange(30), chance.uniform(-0.1, 0.1)) for _ in range(60)]

    async def work(ask: Ask) -> None:
        edits = [text({**MOVE, "by": [by, 0]}, REPAIR) for _, _, by in wanted]
        answers = await asyncio.gather(
            *(
                ask(motion=files[which], edits=edit, frames=[first, first + 10])
                for (which, first, _), edit in zip(wanted, edits, strict=True)
            )
        )
        for (code, answer), (which, first, _), edit in zip(answers, wanted, edits, strict=True):
            expected = posed(motions[which], parse(edit), range(first, first + 11)).motion
            assert code == 200 and packed(read(answer)) == packed(expected)

    asking(work)
