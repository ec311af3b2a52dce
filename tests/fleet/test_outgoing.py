"""Files of a batch, on their way to the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.fleet.order import Order
from frugal_motion.nodes.fleet.outgoing import Outgoing
from frugal_motion.nodes.server.job_routes import _linked

ORDER = Order("run", ("j1", "j2"), ({}, {}), "file:///x")


def file(filename: str, subfolder: str = "", kind: str = "output") -> dict[str, Any]:
    return {"filename": filename, "subfolder": subfolder, "type": kind}


class Sent(dict[tuple[str, str, str], str]):
    def put(self, job: str, run: str, name: str, path: Path) -> None:
        assert (job, run, name) not in self, "each once"
        self[job, run, name] = path.read_text()


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def outgoing(tmp_path: Path, sent: Sent) -> Outgoing:
    paths = ["output/jobs/j1/a.mp4", "output/jobs/j2/sub/b.mp4", "output/jobs/other/c.mp4", "output/d.png"]
    for name in [*paths, "temp/p.png", "temp/frugal-motion/p.png", "secret"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return Outgoing(tmp_path, ORDER, sent.put)


def shown(outgoing: Outgoing, places: list[int], *files: Any) -> Any:
    line = {"shown": "7", "output": {"images": list(files), "text": ["t"], "animated": (True,)}, "places": places}
    passed = outgoing.pass_on(line)
    assert passed.keys() == {"shown", "output"} and passed["output"]["text"] == ["t"]
    return passed["output"]["images"]


def test_files_of_the_jobs_own_folders_keep_their_names(outgoing: Outgoing, sent: Sent, tmp_path: Path) -> None:
    files = [file("a.mp4", "jobs/j1"), file("b.mp4", "jobs\\j2\\sub")]
    assert shown(outgoing, [0], *files) == files
    assert sent == {
        ("j1", "run", "a.mp4"): "output/jobs/j1/a.mp4",
        ("j2", "run", "sub/b.mp4"): "output/jobs/j2/sub/b.mp4",
    }
    outputs = {"7": {"images": [files[0]]}}
    ended = {"ended": {"status": "success", "outputs": outputs}, "record": None, "places": {"7": [0]}}
    assert outgoing.pass_on(ended) == {"ended": {"status": "success", "outputs": outputs}, "record": None}
    outgoing.remove()
    assert not (tmp_path / "output/jobs/j1/a.mp4").exists() and (tmp_path / "output/jobs/other/c.mp4").exists()


def test_what_a_job_saves_without_showing_it_goes_too_when_nobody_writes_to_it_any_more(
    outgoing: Outgoing, sent: Sent, tmp_path: Path
) -> None:
    folder = tmp_path / "output/jobs/j1"
    for name in ("frames/000001.png", "frames/000002.png", "motion.safetensors", ".part"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    first = {**file("000001.png", "jobs/j1/frames"), "count": 2}
    line = {"shown": "7", "output": {"images": [first]}, "places": [0], "complete": []}
    assert outgoing.pass_on(line) == {"shown": "7", "output": {"images": [first]}}
    assert [name for _, _, name in sent] == ["frames/000001.png"], "another node may be writing"
    outgoing.pass_on({"shown": "8", "output": {"text": ["motion"]}, "places": [0], "complete": [0]})
    assert sorted(name for job, _, name in sent if job == "j1") == [
        "a.mp4",
        "frames/000001.png",
        "frames/000002.png",
        "motion.safetensors",
    ]
    assert not any(job == "j2" for job, _, _ in sent)
    outgoing.pass_on({"ended": {"outputs": {}}, "record": None, "places": {}})
    assert [name for job, _, name in sent if job == "j2"] == ["sub/b.mp4"], "a batch that has ended writes nothing"
    outgoing.remove()
    assert not folder.exists() and (tmp_path / "output/jobs/other/c.mp4").exists()


def test_others_go_to_the_job_that_shows_them(outgoing: Outgoing, sent: Sent, tmp_path: Path) -> None:
    files = [
        file("p.png", "", "temp"),
        file("p.png", "frugal-motion", "temp"),
        file("d.png"),
        file("c.mp4", "jobs/other"),
    ]
    passed = shown(outgoing, [1], *files)
    names = ["p.png", "frugal-motion_p.png", "d.png", "jobs_other_c.mp4"]
    assert passed == [file(name, "jobs/~/temp") for name in names]
    assert [name for _, _, name in sent] == [f"temp/{name}" for name in names]
    ended = {"ended": {"outputs": {"7": {"images": files}}}, "record": None, "places": {"7": [1]}}
    assert outgoing.pass_on(ended)["ended"]["outputs"]["7"]["images"] == passed, "the end says the same"
    outgoing.remove()
    assert (tmp_path / "temp/p.png").exists() and (tmp_path / "output/d.png").exists(), "ComfyUI may show it again"


def test_what_several_show_is_everyones_own(outgoing: Outgoing, sent: Sent) -> None:
    assert shown(outgoing, [0, 1], file("p.png", "", "temp")) == [file("p.png", "jobs/~/temp")]
    assert set(sent) == {("j1", "run", "temp/p.png"), ("j2", "run", "temp/p.png")}
    linked = [_linked({"data": {"images": [file("p.png", "jobs/~/temp"), file("~")]}}, job) for job in ORDER.jobs]
    assert [one["data"]["images"][0]["subfolder"] for one in linked] == ["jobs/j1/temp", "jobs/j2/temp"]
    assert "jobs%2Fj2%2Ftemp" in linked[1]["data"]["images"][0]["url"]


def test_files_of_one_name_stay_apart(outgoing: Outgoing, sent: Sent, tmp_path: Path) -> None:
    (tmp_path / "temp/d.png").write_text("another")
    files = [file("d.png"), file("d.png", "", "temp"), file("d.png")]
    passed = shown(outgoing, [0], *files)
    assert [sent["j1", "run", f"temp/{one['filename']}"] for one in passed] == [
        "output/d.png",
        "another",
        "output/d.png",
    ]


@pytest.mark.parametrize(
    "name",
    [
        file("gone.mp4", "jobs/j1"),
        file("secret", ".."),
        file("../secret", "", "temp"),
        file("secret", "jobs/j1/../../.."),
        file("x.png", "", "input"),
        {"filename": 3},
    ],
)
def test_nothing_else_is_sent(name: Any, outgoing: Outgoing, sent: Sent) -> None:
    assert shown(outgoing, [0], name) == [name] and not sent


def test_other_lines_stay(outgoing: Outgoing) -> None:
    for line in ({"at": "1", "value": 1, "max": 2}, {"skipped": ["1"]}):
        assert outgoing.pass_on(line) == line
