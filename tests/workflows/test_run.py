"""The client against a server that behaves as ComfyUI does, or worse."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSCloseCode, web
from aiohttp.test_utils import TestServer

from frugal_motion.workflows import run as client

from ..conftest import ROOT

WORKFLOW = {
    "1": {
        "class_type": "Load",
        "inputs": {"file": "a.mp4", "rate": 12, "loop": False},
        "_meta": {"title": "Load Video"},
    },
    "2": {"class_type": "Save", "inputs": {"video": ["1", 0], "name": "v1.0"}, "_meta": {"title": "Save v1.0"}},
    "3": {"class_type": "Save", "inputs": {"video": ["1", 0]}, "_meta": {"title": "Twin"}},
    "4": {"class_type": "Save", "inputs": {"video": ["1", 0]}, "_meta": {"title": "Twin"}},
}
INFO = {
    "Load": {
        "required": {"file": ["COMBO", {"video_upload": True}], "rate": ["FLOAT", {}], "loop": ["BOOLEAN", {}]},
        "optional": {"count": ["INT", {}]},
    },
    "Save": {"required": {"codec": ["COMBO", {"options": ["h264", "gif"]}], "model": [["a1.pt", "b.pt"], {}]}},
}
VIDEO = {"filename": "v_00001_.mp4", "subfolder": "video", "type": "output"}


class FakeComfyUI:
    """Answers like ComfyUI; ``events`` is what happens to a prompt."""

    def __init__(self, events: list[tuple[str, dict[str, Any]]] | None = None) -> None:
        self.events = events if events is not None else [("execution_success", {})]
        self.outputs: dict[str, Any] = {"2": {"images": [VIDEO], "animated": [True]}, "3": {"text": ["hello"]}}
        self.messages: list[Any] = []
        self.answer: tuple[int, Any] = (200, {"prompt_id": "p", "node_errors": {}})
        self.queued: dict[str, Any] = {}
        self.posted: list[tuple[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self.inputs: dict[str, bytes] = {}
        self.put = 201
        self.sent: list[str] = []
        self.models: list[dict[str, Any]] | None = None
        self.drops = 0
        self.lost = ""
        self.hangs = False
        self.state, self.away = "done", 0
        self.go = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ws", self.websocket)
        app.router.add_get("/object_info/{name}", self.object_info)
        app.router.add_get("/history/{id}", self.history)
        app.router.add_get("/view", self.view)
        app.router.add_post("/prompt", self.prompt)
        app.router.add_post("/upload/image", self.upload)
        app.router.add_get("/frugal-motion/inputs/{name}", self.has_input)
        app.router.add_put("/frugal-motion/inputs/{name}", self.take_input)
        app.router.add_post("/frugal-motion/jobs", self.job)
        app.router.add_get("/frugal-motion/jobs/j", self.job_now)
        app.router.add_get("/frugal-motion/models", self.list_models)
        app.router.add_post("/queue", self.note)
        app.router.add_post("/interrupt", self.note)
        return app

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "status", "data": {"sid": request.query["clientId"]}})
        await self.go.wait()
        if self.drops:
            self.drops -= 1
            await socket.close(code=WSCloseCode.GOING_AWAY)
            return socket
        await socket.send_bytes(b"preview")
        for kind, data in self.events:
            await socket.send_json({"type": kind, "data": {"prompt_id": "p", **data}})
        if self.hangs:
            await asyncio.sleep(30)
        return socket

    async def object_info(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response({name: {"input": INFO[name]}} if name in INFO else {})

    async def history(self, request: web.Request) -> web.Response:
        status = {"messages": self.messages}
        return web.json_response({} if self.hangs or self.drops else {"p": {"outputs": self.outputs, "status": status}})

    async def view(self, request: web.Request) -> web.Response:
        if request.query["filename"] == self.lost:
            raise web.HTTPNotFound
        return web.Response(body=b"bytes of " + request.query["subfolder"].encode())

    async def prompt(self, request: web.Request) -> web.Response:
        self.queued = (await request.json())["prompt"]
        self.go.set()
        return web.json_response(self.answer[1], status=self.answer[0])

    async def list_models(self, request: web.Request) -> web.Response:
        return web.json_response({"models": self.models}) if self.models else web.Response(status=404)

    async def upload(self, request: web.Request) -> web.Response:
        field = (await request.post())["image"]
        assert isinstance(field, web.FileField)
        self.uploads[field.filename] = field.file.read()
        return web.json_response({"name": f"stored {field.filename}", "subfolder": "", "type": "input"})

    async def has_input(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if request.match_info["name"] in self.inputs else 404)

    async def take_input(self, request: web.Request) -> web.Response:
        body, name = await request.read(), request.match_info["name"]
        self.sent.append(name)
        if self.put == 201:
            self.inputs[name] = body
        return web.Response(status=self.put, text="words")

    async def job(self, request: web.Request) -> web.Response:
        self.queued = (await request.json())["workflow"]
        return web.json_response({"job_id": "j", "state": self.state, "progress": None, "results": []})

    async def job_now(self, request: web.Request) -> web.Response:
        if self.away:  # as a server that is killed while it answers
            self.away -= 1
            assert request.transport
            request.transport.abort()
        return web.json_response({"job_id": "j", "state": "done", "results": []})

    async def note(self, request: web.Request) -> web.Response:
        self.posted.append((request.path, await request.json()))
        return web.Response()


def play(
    folder: Path, *sets: str, arrange: Callable[[FakeComfyUI], None] = lambda fake: None, **options: Any
) -> tuple[dict[str, Any], FakeComfyUI]:
    """Run the workflow against a fake server."""

    async def scene() -> tuple[dict[str, Any], FakeComfyUI]:
        fake = FakeComfyUI()
        arrange(fake)
        async with TestServer(fake.app()) as server:
            workflow = copy.deepcopy(WORKFLOW)
            settings = [client.find_setting(workflow, text) for text in sets]
            return await client.run(str(server.make_url("")), workflow, settings, folder, **options), fake

    return asyncio.run(scene())


def test_files_are_fetched_and_the_rest_is_reported(tmp_path: Path) -> None:
    result, _ = play(tmp_path)
    video = tmp_path / "v_00001_.mp4"
    assert video.read_bytes() == b"bytes of video"
    node = {"node": "2", "title": "Save v1.0", "class": "Save"}
    assert result["outputs"] == [{**node, "type": "output", "file": video.name, "path": str(video)}]
    assert result["ui"] == [{"node": "3", "title": "Twin", "class": "Save", "data": {"text": ["hello"]}}]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "v_00001_.mp4").write_bytes(b"precious")
    result, _ = play(tmp_path)
    assert Path(result["outputs"][0]["path"]).name == "v_00001_ (1).mp4"
    assert (tmp_path / "v_00001_.mp4").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["../../evil.mp4", "..\\..\\evil.mp4", "/tmp/evil.mp4"])
def test_a_hostile_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    result, _ = play(
        tmp_path / "out", arrange=lambda fake: fake.outputs.update({"2": {"images": [{**VIDEO, "filename": name}]}})
    )
    assert Path(result["outputs"][0]["path"]) == tmp_path / "out" / "evil.mp4"


def sequence(**said: Any) -> Callable[[FakeComfyUI], None]:
    """A server that has saved a sequence."""
    first = {"filename": "000001.png", "subfolder": "video/clip_00001_", "type": "output", "frugal_count": 3, **said}
    return lambda fake: fake.outputs.update({"2": {"images": [first]}})


def test_a_sequence_is_fetched_whole_into_a_folder_of_its_own(tmp_path: Path) -> None:
    for name in ("clip_00001_", "clip_00001_ (1)"):
        result, _ = play(tmp_path, arrange=sequence())
        node = {"node": "2", "title": "Save v1.0", "class": "Save", "type": "output"}
        assert result["outputs"] == [{**node, "file": name, "path": str(tmp_path / name)}]
        names = [f"00000{number}.png" for number in (1, 2, 3)]
        assert sorted(file.name for file in (tmp_path / name).iterdir()) == names
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("said", [{"frugal_count": "3"}, {"filename": "cover.png"}, {"filename": ".."}])
def test_what_is_no_sequence_is_fetched_as_a_file(tmp_path: Path, said: dict[str, Any]) -> None:
    result, _ = play(tmp_path / "out", arrange=sequence(**said))
    (file,) = (tmp_path / "out").iterdir()
    assert file.is_file() and result["outputs"][0]["path"] == str(file)


@pytest.mark.parametrize("name", ["../../evil", "..\\..\\evil", "/tmp/evil", "..", "", "a/.."])
def test_a_sequence_with_a_hostile_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    result, _ = play(tmp_path / "out", arrange=sequence(subfolder=name))
    folder = Path(result["outputs"][0]["path"])
    assert folder.parent == tmp_path / "out" and folder.is_dir()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"] and list((tmp_path / "out").iterdir()) == [folder]


def test_half_a_sequence_leaves_nothing(tmp_path: Path) -> None:
    def lose(fake: FakeComfyUI) -> None:
        sequence()(fake)
        fake.lost = "000002.png"

    with pytest.raises(client.RunError, match="lost the server"):
        play(tmp_path / "out", arrange=lose)
    assert list((tmp_path / "out").iterdir()) == []


def test_previews_only_on_demand(tmp_path: Path) -> None:
    def temporary(fake: FakeComfyUI) -> None:
        fake.outputs = {"2": {"images": [{**VIDEO, "type": "temp"}]}}

    assert play(tmp_path, arrange=temporary)[0]["outputs"] == []
    assert len(play(tmp_path, arrange=temporary, previews=True)[0]["outputs"]) == 1


def test_values_take_the_declared_type(tmp_path: Path) -> None:
    _, fake = play(tmp_path, "Load Video.rate=29.97", "1.loop=yes", "Load Video.count=3", "Save v1.0.name=a=b.c")
    assert fake.queued["1"]["inputs"] == {"file": "a.mp4", "rate": 29.97, "loop": True, "count": 3}
    assert fake.queued["2"]["inputs"]["name"] == "a=b.c"


def test_a_local_file_is_uploaded(tmp_path: Path) -> None:
    clip = tmp_path / "my clip é.mp4"
    clip.write_bytes(b"clip")
    _, fake = play(tmp_path / "out", f"Load Video.file={clip}")
    assert fake.uploads == {clip.name: b"clip"}
    assert fake.queued["1"]["inputs"]["file"] == f"stored {clip.name}"


def test_for_a_job_it_is_named_by_its_content_and_sent_once(tmp_path: Path) -> None:
    clip = tmp_path / "my clip é.MP4"
    clip.write_bytes(b"clip")
    name = f"{hashlib.sha256(b'clip').hexdigest()}.mp4"
    _, fake = play(tmp_path / "out", f"Load Video.file={clip}", as_job=True)
    assert fake.inputs == {name: b"clip"} and fake.queued["1"]["inputs"]["file"] == name
    _, fake = play(
        tmp_path / "out", f"1.file={clip}", as_job=True, arrange=lambda fake: fake.inputs.update({name: b"clip"})
    )
    assert fake.sent == [] and fake.uploads == {} and fake.queued["1"]["inputs"]["file"] == name


@pytest.mark.parametrize("status", [404, 405, 415])
def test_a_server_that_takes_none_gets_an_upload(tmp_path: Path, status: int) -> None:
    clip = tmp_path / "clip.q?#"
    clip.write_bytes(b"clip")
    _, fake = play(tmp_path, f"Load Video.file={clip}", as_job=True, arrange=lambda fake: setattr(fake, "put", status))
    assert fake.sent == [f"{hashlib.sha256(b'clip').hexdigest()}.q?#"]
    assert fake.uploads == {clip.name: b"clip"} and fake.queued["1"]["inputs"]["file"] == f"stored {clip.name}"


@pytest.mark.parametrize(("status", "message"), [(413, "--max-upload-size"), (401, "answers 401: words")])
def test_a_file_that_is_refused_ends_it(tmp_path: Path, status: int, message: str) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"clip")
    with pytest.raises(client.RunError, match=message):
        play(tmp_path, f"Load Video.file={clip}", as_job=True, arrange=lambda fake: setattr(fake, "put", status))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Load Video.rate=fast", "Load Video.rate: 'fast' is not of type FLOAT"),
        ("Load Video.count=1.5", "not of type INT"),
        ("Load Video.loop=perhaps", "not of type BOOLEAN"),
        ("Load Video.speed=1", "no input 'speed'; it has file, rate, loop, count"),
        ("Load.rate=1", "no node is titled 'Load'; there are 'Load Video', 'Save v1.0', 'Twin'"),
        ("Twin.video=1", "2 nodes are titled 'Twin'; use an id: 3, 4"),
        ("Load Video", "Title.input=value"),
    ],
)
def test_a_wrong_setting_says_what_exists(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(client.RunError) as raised:
        play(tmp_path, text)
    assert message in str(raised.value)


def test_a_failing_node_is_named(tmp_path: Path) -> None:
    error = {"node_id": "1", "node_type": "Load", "exception_type": "InputError", "exception_message": "file: empty\n"}
    with pytest.raises(client.RunError, match=r"Load Video \(Load\) failed with InputError: file: empty$"):
        play(tmp_path, arrange=lambda fake: setattr(fake, "events", [("execution_error", error)]))


def test_an_interrupted_run_fails(tmp_path: Path) -> None:
    with pytest.raises(client.RunError, match="interrupted at Load Video"):
        play(tmp_path, arrange=lambda fake: setattr(fake, "events", [("execution_interrupted", {"node_id": "1"})]))


def test_one_refused_output_fails_the_run_and_leaves_the_queue_empty(tmp_path: Path) -> None:
    problem = {"message": "Value not in list", "details": "codec: 'x'"}
    refused = {"prompt_id": "p", "node_errors": {"2": {"class_type": "Save", "errors": [problem]}}}
    seen: list[FakeComfyUI] = []

    def refuse(fake: FakeComfyUI) -> None:
        fake.answer = (200, refused)
        seen.append(fake)

    with pytest.raises(client.RunError, match=r"Save v1.0 \(Save\): Value not in list: codec: 'x'"):
        play(tmp_path, arrange=refuse)
    assert seen[0].posted == [("/queue", {"delete": ["p"]}), ("/interrupt", {"prompt_id": "p"})]


def test_a_refused_prompt_says_why(tmp_path: Path) -> None:
    answer = (400, {"error": {"type": "t", "message": "Prompt has no outputs", "details": ""}, "node_errors": {}})
    with pytest.raises(client.RunError, match="Prompt has no outputs"):
        play(tmp_path, arrange=lambda fake: setattr(fake, "answer", answer))


def refusing(node: str, key: str, value: str, **fake: Any) -> Callable[[FakeComfyUI], None]:
    """A server that does not have ``value``, in ComfyUI's words."""
    problem = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": f"{key}: '{value}' not in (list of length 40)",
        "extra_info": {"input_name": key, "input_config": None, "received_value": value},
    }
    errors = {node: {"class_type": "Save", "errors": [problem]}}

    def arrange(server: FakeComfyUI) -> None:
        server.answer = (400, {"error": {"message": "Prompt outputs failed validation"}, "node_errors": errors})
        for name, made in fake.items():
            setattr(server, name, made)

    return arrange


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (
            ("Save v1.0.model=a.pt", "2", "model", "a.pt"),
            ("Save v1.0 (Save): model names 'a.pt'", "has 'a1.pt', 'b.pt'", '--set "Save v1.0.model=a1.pt"'),
        ),
        (("4.codec=gift", "4", "codec", "gift"), ("has 'gif', 'h264'", '--set "4.codec=gif"')),
    ],
)
def test_a_missing_value_is_named_with_those_that_are_there(
    tmp_path: Path, sets: tuple[str, ...], said: tuple[str, ...]
) -> None:
    with pytest.raises(client.RunError) as raised:
        play(tmp_path, sets[0], arrange=refusing(*sets[1:]))
    assert all(words in str(raised.value) for words in said), raised.value
    assert "--stand-ins" not in str(raised.value)


def test_a_missing_model_that_the_pack_knows_has_a_link(tmp_path: Path) -> None:
    models = [{"name": "a.pt", "url": "https://example.org/a.pt", "folder": "upscale_models"}]
    with pytest.raises(client.RunError, match=r"https://example.org/a.pt goes into models/upscale_models"):
        play(tmp_path, "Save v1.0.model=a.pt", arrange=refusing("2", "model", "a.pt", models=models))


def test_stand_ins_are_offered_where_they_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table.json").write_text(json.dumps({"demo model": {"Save v1.0.model": "a1.pt"}}))
    monkeypatch.setattr(client, "STAND_INS", tmp_path / "table.json")
    with pytest.raises(client.RunError, match="--stand-ins takes"):
        play(tmp_path, "Save v1.0.model=a.pt", arrange=refusing("2", "model", "a.pt"))


def test_stand_ins_are_what_the_workflow_has_a_place_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(
        json.dumps({"a": {"Load Video.rate": "6", "Nobody.x": "1"}, "b": {"Save v1.0.name": "v2", "Twin.name": "n"}})
    )
    monkeypatch.setattr(client, "STAND_INS", tmp_path / "table.json")
    assert client.stand_ins(WORKFLOW) == [client.Setting("1", "rate", "6"), client.Setting("2", "name", "v2")]
    with pytest.raises(client.RunError, match=r"none of Load Video\.rate, Nobody\.x"):
        client.stand_ins({"1": {"class_type": "A", "inputs": {}}})


def test_stand_ins_of_a_copy_say_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(client, "STAND_INS", tmp_path / "nowhere.json")
    (tmp_path / "w.json").write_text(json.dumps(WORKFLOW))
    assert client.main([str(tmp_path / "w.json"), "--stand-ins", "--server", "http://127.0.0.1:9"]) == 1
    assert "nowhere.json" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "workflows" / "api").glob("*.json")), ids=lambda path: path.stem)
def test_stand_ins_fit_the_shipped_workflows(path: Path) -> None:
    workflow = client.load_workflow(path)
    assert all(setting.input in workflow[setting.node]["inputs"] for setting in client.stand_ins(workflow))


def test_a_lost_connection_is_taken_up_again(tmp_path: Path) -> None:
    result, _ = play(tmp_path, arrange=lambda fake: setattr(fake, "drops", 1))
    assert result["outputs"]


@pytest.mark.parametrize("patience", [60.0, -1.0])
def test_the_server_of_a_job_may_be_away_for_a_while(
    tmp_path: Path, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(client, "AWAY_SECONDS", patience)

    def leave(fake: FakeComfyUI) -> None:
        fake.state, fake.away = "running", 3

    if patience < 0:
        with pytest.raises(client.RunError, match="lost the server"):
            play(tmp_path, as_job=True, arrange=leave)
        return
    result, fake = play(tmp_path, as_job=True, arrange=leave)
    assert result["prompt_id"] == "j" and fake.away == 0


def test_a_failure_while_nobody_listened_is_found(tmp_path: Path) -> None:
    error = {"node_id": "1", "node_type": "Load", "exception_type": "E", "exception_message": "m"}

    def fail(fake: FakeComfyUI) -> None:
        fake.events, fake.messages = [], [["execution_error", error]]

    with pytest.raises(client.RunError, match=r"Load Video \(Load\) failed with E: m"):
        play(tmp_path, arrange=fail)


def test_an_absent_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(client.RunError, match="lost the server"):
        asyncio.run(client.run("http://127.0.0.1:9", copy.deepcopy(WORKFLOW), [], tmp_path))


def test_cancelling_stops_the_prompt(tmp_path: Path) -> None:
    async def scene() -> FakeComfyUI:
        fake = FakeComfyUI([("executing", {"node": "1"})])
        fake.hangs = True
        async with TestServer(fake.app()) as server:
            url = str(server.make_url(""))
            task = asyncio.create_task(client.run(url, copy.deepcopy(WORKFLOW), [], tmp_path))
            await fake.go.wait()
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return fake

    assert ("/interrupt", {"prompt_id": "p"}) in asyncio.run(scene()).posted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bars_and_a_log_gets_lines() -> None:
    for stream, wanted in (
        (Terminal(), "[###############...............] 6/12"),
        (io.StringIO(), "Load Video\nTwin\n"),
    ):
        reporter = client.Reporter(WORKFLOW, stream)
        for step in range(1, 7):
            reporter.progress("1", step, 12)
        reporter.start("3")
        reporter.end()
        assert wanted in stream.getvalue()


def test_only_api_workflows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    for content, message in (
        ('{"nodes": [], "links": []}', "Export"),
        ("{", "not JSON"),
        ("{}", "Export"),
        ("[]", "Export"),
    ):
        path.write_text(content)
        with pytest.raises(client.RunError, match=message):
            client.load_workflow(path)
    with pytest.raises(client.RunError, match="cannot read"):
        client.load_workflow(tmp_path / "none.json")
    path.write_text(json.dumps(WORKFLOW))
    assert client.load_workflow(path) == WORKFLOW


def test_the_exit_status_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(WORKFLOW))
    assert client.main([str(path), "--server", "http://127.0.0.1:9"]) == 1
    assert client.main([str(path), "--set", "Nobody.x=1", "--server", "http://127.0.0.1:9"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "error: lost the server" in err and "no node is titled 'Nobody'" in err
