"""Jobs of several people, on a real ComfyUI server."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import av
import numpy as np
import pytest

from frugal_motion.nodes.host.settings import settings_file
from frugal_motion.nodes.jobs.job import with_values
from frugal_motion.nodes.server.access import authorized
from frugal_motion.nodes.server.answers import Refusal
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.tools.server import Server, running

from ..conftest import ROOT
from .client import ask, run, until

WORKFLOW = ROOT / "workflows" / "api" / "motion_edit.json"
SMALL: dict[str, Any] = {
    "Checkpoint.ckpt_name": "frugal-demo.ckpt",
    "ControlNet.control_net_name": "frugal-demo-openpose.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Load Video.duration": 0.5,
    "Load Video.size": "custom",
    "Load Video.width": 128,
    "Load Video.height": 128,
    "Load Video.fit": "cover",
    "Negative Prompt.text": "",
    "Sampler.cfg": 2.5,
    "Sampler.steps": 2,
    "Save Video.codec": "lossless",
}
UNCACHED = {"Cache Keyframes.enabled": False, "Cache Video.enabled": False}
SETTINGS = {"jobs_window_seconds": 2, "jobs_webhooks": "127.0.0.1", "jobs_per_client": 5, "jobs_clip_seconds": 60}


def set_up(base: Path, **settings: Any) -> None:
    folder = base / "user" / "frugal-motion"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, **settings}), encoding="utf-8")


@pytest.fixture(scope="module")
def own(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("jobs")
    set_up(base)
    with running(comfyui, base, assets=assets) as server:
        yield server


def sampled_frames(workflow: Path = WORKFLOW) -> Any:
    """A workflow without what is behind the sampler: upscaling and RIFE in bf16 make much of a small difference."""
    prompt = json.loads(workflow.read_text(encoding="utf-8"))
    (video,) = (node for node in prompt.values() if node["class_type"] == "FrugalSaveVideo")
    (sampler,) = (node_id for node_id, node in prompt.items() if node["class_type"] == "FrugalKeyframeSampler")
    video["inputs"]["video"] = ["video", 0]
    prompt["video"] = {"class_type": "CreateVideo", "inputs": {"images": [sampler, 0], "fps": 12}}
    return prompt


def post(server: Server, client: str = "", webhook: str = "", workflow: Any = "motion_edit", **values: Any) -> str:
    """Ask for a job; its id."""
    body = {"workflow": workflow, "values": {**SMALL, **values}, "client": client, "webhook": webhook}
    code, answer = ask(server, "/jobs", body)
    assert code == 202, answer
    assert answer["state"] == "queued" and answer["position"] >= 1
    return str(answer["job_id"])


def state(server: Server, job: str) -> Any:
    return ask(server, f"/jobs/{job}")[1]


def ended(server: Server, *jobs: str) -> list[Any]:
    def all_ended() -> Any:
        states = [state(server, job) for job in jobs]
        return states if all(one["state"] not in ("queued", "running") for one in states) else None

    return until(all_ended, "the end of the jobs")


def delete(server: Server, job: str) -> tuple[int, Any]:
    request = urllib.request.Request(f"{server.url}/frugal-motion/jobs/{job}", method="DELETE")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def video(server: Server, job: Any) -> Path:
    (saved,) = (output for output in job["results"] if output["class"] == "FrugalSaveVideo")
    (file,) = saved["data"]["images"]
    path = server.base / "output" / file["subfolder"] / file["filename"]
    with urllib.request.urlopen(server.url + file["url"]) as answer:
        assert answer.read() == path.read_bytes()
    return path


def frames(path: Path) -> np.ndarray:
    return np.concatenate(list(FileStream(path).chunks())).astype(np.int16)


LOOKS = {
    "a": {"Prompt.text": "a neon robot at night", "Load Video.file": "one_person.mp4"},
    "b": {"Prompt.text": "a wooden mannequin in the snow", "Load Video.file": "two_people.mp4"},
    "c": {"Prompt.text": "a marble statue in a forest", "Sampler.seed": 5, "Load Video.file": "one_person.mp4"},
    "d": {"Prompt.text": "a neon robot at night", "Load Video.start": 1.0, "Load Video.file": "two_people.mp4"},
}


def test_jobs_meet_in_one_prompt_and_come_out_as_alone(own: Server, tmp_path: Path) -> None:
    before, workflow = len(own.get("/history")), tmp_path / "frames.json"
    workflow.write_text(json.dumps(sampled_frames()), encoding="utf-8")
    ids = [post(own, client, workflow=sampled_frames(), **look) for client, look in LOOKS.items()]
    jobs = ended(own, *ids)
    assert [job["error"] for job in jobs] == [""] * 4
    assert len(own.get("/history")) == before + 1, "one prompt for all"
    for job, (client, look) in zip(jobs, LOOKS.items(), strict=True):
        together = video(own, job)
        changes = {name: str(value) for name, value in {**SMALL, **look}.items()}
        done = run(own, workflow, tmp_path / client, changes)
        assert done.returncode == 0, done.stderr
        (alone,) = (file["path"] for file in json.loads(done.stdout)["outputs"] if file["path"].endswith(".mp4"))
        assert np.abs(frames(together) - frames(Path(alone))).max() <= 1, look
        with av.open(str(together)) as container:
            said = container.metadata["prompt"]
        texts = {other["Prompt.text"] for other in LOOKS.values()}
        assert {text for text in texts if text in said} == {look["Prompt.text"]}, "not what others have asked for"
        assert "FrugalJobsSampler" not in said and said.count("FrugalSaveVideo") == 1
    assert len({frames(video(own, job)).tobytes() for job in jobs}) == 4, "and they differ"
    cost = until(lambda: state(own, ids[0])["cost"], "the bill")
    assert cost["seconds"] > 0


def picture(text: str, seed: int) -> Any:
    """ComfyUI's own way from a prompt to a picture."""

    def node(class_type: str, **inputs: Any) -> Any:
        return {"class_type": class_type, "inputs": inputs}

    settings = {"steps": 2, "cfg": 2.5, "sampler_name": "euler_ancestral", "scheduler": "karras", "denoise": 1.0}
    prompts = {"positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="frugal-demo.ckpt"),
        "2": node("CLIPTextEncode", text=text, clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=128, height=128, batch_size=1),
        "5": node("KSampler", model=["1", 0], seed=seed, **settings, **prompts),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="picture"),
    }


def pixels(server: Server, job: Any) -> np.ndarray:
    (saved,) = (output for output in job["results"] if output["class"] == "SaveImage")
    (file,) = saved["data"]["images"]
    with av.open(str(server.base / "output" / file["subfolder"] / file["filename"])) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(np.int16)


def test_jobs_of_comfyuis_own_sampler_meet_in_one_batch(own: Server) -> None:
    def ask_for(client: str, prompt: Any) -> str:
        code, answer = ask(own, "/jobs", {"workflow": prompt, "client": client})
        assert code == 202, answer
        return str(answer["job_id"])

    prompts = [picture("a neon robot at night", 1), picture("a marble statue in a forest", 2)]
    before = len(own.get("/history"))
    together = ended(own, *map(ask_for, "ab", prompts))
    assert [job["error"] for job in together] == ["", ""]
    assert len(own.get("/history")) == before + 1, "one prompt for both"
    ran = list(own.get("/history").values())[-1]["prompt"][2]
    assert "FrugalJobsKSampler" in {one["class_type"] for one in ran.values()}
    for prompt, job in zip(prompts, together, strict=True):
        (alone,) = ended(own, ask_for("c", prompt))
        assert np.abs(pixels(own, job) - pixels(own, alone)).max() <= 1
    assert np.abs(pixels(own, together[0]) - pixels(own, together[1])).max() > 20, "and they differ"


def test_a_job_joins_others_that_wait_behind_the_editor_and_they_keep_their_place(own: Server) -> None:
    def edit(**values: Any) -> None:
        prompt = with_values(sampled_frames(), {**SMALL, **LOOKS["a"], **UNCACHED, **values})
        data = json.dumps({"prompt": prompt}).encode()
        request = urllib.request.Request(f"{own.url}/prompt", data, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()

    def waiting() -> list[str]:
        return [json.dumps(item[2]) for item in sorted(own.get("/queue")["queue_pending"])]

    edit(**{"Sampler.steps": 200, "Plan Keyframes.every": 1})
    until(lambda: own.get("/queue")["queue_running"], "the run of the editor")
    ids = [post(own, "a", **{**LOOKS["a"], "Sampler.seed": 501})]
    until(lambda: len(waiting()) == 1, "the first job")
    edit(**{"Sampler.seed": 502})
    ids.append(post(own, "b", **{**LOOKS["b"], "Sampler.seed": 503}))
    until(lambda: "FrugalJobsSampler" in waiting()[0], "the first two jobs")
    ids.append(post(own, "a", **{**LOOKS["c"], "Sampler.seed": 504}))
    until(lambda: all(f": {seed}" in waiting()[0] for seed in (501, 503, 504)), "all jobs")
    assert len(waiting()) == 2 and '"seed": 502' in waiting()[1], "the editor's next prompt came after the first job"
    before = len(own.get("/history"))
    urllib.request.urlopen(urllib.request.Request(f"{own.url}/interrupt", b"")).close()
    assert [job["state"] for job in ended(own, *ids)] == ["done"] * 3
    until(lambda: own.get("/queue") == {"queue_running": [], "queue_pending": []}, "the empty queue")
    assert len(own.get("/history")) == before + 3, "the two of the editor, and one for all jobs"


def test_reports_of_jobs_that_met_are_of_each_alone(own: Server) -> None:
    before, known = len(own.get("/history")), {"Load Video.file": "one_person.mp4"}
    set_up(own.base, jobs_batch=2, jobs_window_seconds=600)  # they begin when both are there
    ids = [
        post(own, client, workflow="cost_lab", **known, **{"Sampler.seed": seed})
        for client, seed in (("a", 91), ("b", 92))
    ]
    jobs = ended(own, *ids)
    set_up(own.base)
    assert [job["error"] for job in jobs] == ["", ""] and len(own.get("/history")) == before + 1
    assert all(job["estimate"] is None for job in jobs)
    seconds = [sum(stage["seconds"] for stage in _report(job).values()) for job in jobs]
    costs = until(lambda: all(found := [state(own, job)["cost"] for job in ids]) and found, "both bills")
    assert sum(seconds) <= sum(cost["seconds"] for cost in costs)
    assert all(_report(job)["Sampler"]["frames"] * 2 == _report(job)["Sampler"]["rows"] for job in jobs)
    shown = [data for job in jobs for result in job["results"] for data in result["data"].get("frugal_estimate", ())]
    assert len(shown) == 2 and shown[0]["rows"] == shown[1]["rows"]


def test_a_broken_clip_fails_alone_and_the_cache_knows_what_was_done(own: Server) -> None:
    shutil.copyfile(own.base / "input" / "one_person.mp4", own.base / "input" / "bad.mp4")
    shutil.copyfile(own.base / "input" / "one_person.mp4", own.base / "input" / "gone.mp4")
    good = post(own, "a", **LOOKS["a"])
    broken = post(own, "b", **{"Load Video.file": "bad.mp4"})
    gone = post(own, "c", **{"Load Video.file": "gone.mp4"})
    other = post(own, "d", **LOOKS["d"])
    (own.base / "input" / "bad.mp4").write_bytes(b"no video" * 100)
    (own.base / "input" / "gone.mp4").unlink()
    jobs = ended(own, good, broken, gone, other)
    assert [job["state"] for job in jobs] == ["done", "failed", "failed", "done"]
    assert "Load Video: " in jobs[1]["error"] and "'bad.mp4', which FFmpeg cannot read" in jobs[1]["error"]
    assert "no file 'gone.mp4'" in jobs[2]["error"]
    (again,) = ended(own, post(own, "a", **LOOKS["a"]))
    cached = {name: stage["cached"] for name, stage in _report(again).items()}
    assert cached["Cache Video"] and cached.get("Sampler", True), "the key is that of the job alone"
    assert video(own, again).read_bytes() and np.array_equal(frames(video(own, again)), frames(video(own, jobs[0])))


def test_cancelling_a_job_that_waits_and_one_that_runs(own: Server) -> None:
    waits = post(own)
    code, answer = delete(own, waits)
    assert code == 200 and answer["state"] == "cancelled"
    code, answer = delete(own, waits)
    assert code == 409 and "is cancelled" in answer["error"]
    runs = post(own, **{**UNCACHED, "Sampler.steps": 150, "Sampler.seed": 77})
    until(lambda: (state(own, runs)["progress"] or {}).get("node") == "Sampler", "sampling")
    assert delete(own, runs)[0] == 200
    until(lambda: own.get("/queue") == {"queue_running": [], "queue_pending": []}, "the empty queue")
    assert state(own, runs)["state"] == "cancelled" and state(own, runs)["results"] == []
    assert ended(own, post(own, **LOOKS["a"]))[0]["state"] == "done"


def test_a_job_says_when_it_has_ended(own: Server) -> None:
    told: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(json.loads(body))
            self.send_response(200 if len(told) > 1 else 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as hook:
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        job = post(own, webhook=f"http://127.0.0.1:{hook.server_port}/x", **LOOKS["a"])
        until(lambda: len(told) == 2, "the second call, after the first has failed")
        hook.shutdown()
    assert told[0] == told[1] and told[0]["job_id"] == job and told[0]["state"] == "done"


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (400, b"{", "no JSON"),
        (400, b"[" * 100_000, "no JSON"),
        (400, b'{"workflow": "x", "values": {"a.b": NaN}}', "no JSON"),
        (400, b'{"workflow": "x", "values": {"a.b": "\\ud800"}}', "no JSON"),
        (400, b'{"workflow": "x", "values": {"a.b": 1e999}}', "finite"),
        (400, b"[1]", "JSON object"),
        (400, {}, "workflow"),
        (400, {"workflow": "no_such"}, "motion_edit"),
        (400, {"workflow": "../../secret"}, "motion_edit"),
        (400, {"workflow": {}}, "API form"),
        (400, {"workflow": {"1": {"class_type": "NoSuch", "inputs": {}}}}, "NoSuch"),
        (400, {"workflow": {"1": {"class_type": "FrugalSaveVideo", "inputs": {"video": ["1", 0]}}}}, "circle"),
        (400, {"workflow": {"1": {"class_type": "FrugalSaveVideo", "inputs": {"video": ["2", 0]}}}}, "'2'"),
        (400, {"workflow": {"1": {"class_type": "FrugalSaveVideo", "inputs": {"video": [1, 2, 3]}}}}, "length-2"),
        (400, {"workflow": "motion_edit", "values": {"Nobody.x": 1}}, "Nobody"),
        (400, {"workflow": "motion_edit", "values": {**SMALL, "Load Video.file": "../../x.mp4"}}, "inside"),
        (400, {"workflow": "motion_edit", "values": {**SMALL, "Load Video.file": "none.mp4"}}, "none.mp4"),
        (400, {"workflow": "motion_edit", "values": {**SMALL, "Load Video.start": 1000}}, "start"),
        (400, {"workflow": "motion_edit", "values": {**SMALL, "Sampler.steps": -1}}, "steps"),
        (400, {"workflow": "motion_edit", "values": SMALL, "webhook": "http://169.254.169.254/"}, "127.0.0.1"),
        (413, b'{"workflow": "' + b"x" * 1_100_000 + b'"}', "1000000 bytes"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(own: Server, code: int, body: Any, words: str) -> None:
    found, answer = ask(own, "/jobs", body)
    assert found == code and words in answer["error"], answer


def test_a_clip_that_is_too_long(own: Server) -> None:
    several = json.loads((ROOT / "workflows" / "api" / "micro_batch.json").read_text(encoding="utf-8"))
    (clips,) = (node for node in several.values() if node["class_type"] == "FrugalLoadClips")
    clips["inputs"] |= {
        "files": "one_person.mp4\ntwo_people.mp4",
        "duration": 0.5,
        "colour": "unknown inputs are passed over, as ComfyUI does",
    }
    set_up(own.base, jobs_clip_seconds=0.25)
    values = {name: value for name, value in SMALL.items() if name.split(".")[0] not in ("Load Video", "Save Video")}
    one = ask(own, "/jobs", {"workflow": "motion_edit", "values": SMALL})
    many = ask(own, "/jobs", {"workflow": several, "values": values})
    set_up(own.base)
    for title, (code, answer) in {"Load Video": one, "Load Clips": many}.items():
        assert code == 400 and f"{title}.duration: found 0.5 s; allowed: at most 0.25 s" in answer["error"], answer


def test_too_many_jobs(own: Server) -> None:
    set_up(own.base, jobs_per_client=2, jobs_window_seconds=60)
    ids = [post(own, "greedy", **LOOKS["a"]) for _ in range(2)]
    code, answer = ask(own, "/jobs", {"workflow": "motion_edit", "values": SMALL, "client": "greedy"})
    assert code == 429 and "at most 2" in answer["error"]
    modest = post(own, "modest", **LOOKS["a"])
    listed = ask(own, "/jobs?client=greedy&limit=2")[1]["jobs"]
    assert [job["job_id"] for job in listed] == ids[::-1] and listed[0]["position"] == 2
    for job in (*ids, modest):
        assert delete(own, job)[0] == 200
    set_up(own.base)


def test_the_client_asks_for_jobs_too(own: Server, tmp_path: Path) -> None:
    changes = {name: str(value) for name, value in {**SMALL, **LOOKS["a"]}.items()}
    done = run(own, WORKFLOW, tmp_path, changes, "--job")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (file,) = (file for file in answer["outputs"] if file["class"] == "FrugalSaveVideo")
    assert Path(file["path"]).read_bytes() == video(own, state(own, answer["prompt_id"])).read_bytes()
    done = run(own, WORKFLOW, tmp_path, {**changes, "Load Video.start": "1000"}, "--job")
    assert done.returncode == 1 and "Load Video.start: found 1000 s" in done.stderr


def test_a_token_is_wanted_where_one_is_set(own: Server) -> None:
    set_up(own.base, jobs_token="secret")
    try:
        assert ask(own, "/jobs") == (401, {"error": "Authorization: Bearer and the token are wanted"})
        assert _status(own, b"GET /frugal-motion/jobs HTTP/1.0\r\nAuthorization: Bearer \xff\r\n\r\n") == b"401"
        request = urllib.request.Request(own.url + "/frugal-motion/jobs", headers={"Authorization": "Bearer secret"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        assert "secret" not in json.dumps(ask(own, "/settings")[1])
        set_up(own.base, jobs_token="secret", jobs_wating=5)
        assert ask(own, "/jobs")[0] == 401
    finally:
        set_up(own.base)
    code, answer = ask(own, "/settings", {"jobs_token": ""})
    assert code == 400 and "over HTTP" in answer["error"]


def test_settings_that_cannot_be_read_close_the_jobs() -> None:
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text('{"jobs_token": "secret",}', encoding="utf-8")
    with pytest.raises(Refusal, match="settings") as refused:
        asyncio.run(authorized(AsyncMock())(Mock(remote="127.0.0.1", headers={})))
    assert refused.value.status == 503


def _status(server: Server, request: bytes) -> bytes:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline().split()[1]


def test_jobs_that_are_not_there(own: Server) -> None:
    assert ask(own, "/jobs/none")[0] == delete(own, "none")[0] == 404
    assert ask(own, "/jobs?limit=0")[0] == ask(own, f"/jobs?limit={'9' * 5000}")[0] == 400


def test_the_description_is_of_the_routes(own: Server) -> None:
    code, found = ask(own, "/openapi.json")
    assert code == 200 and found["openapi"].startswith("3.")
    for name in _references(found):
        assert name in found["components"]["schemas"], name
    shown = ask(own, "/jobs?limit=1")[1]["jobs"][0]
    assert shown.keys() == found["components"]["schemas"]["Job"]["properties"].keys()
    assert {"workflow", "values", "client", "deadline_seconds", "webhook"} == found["components"]["schemas"]["Request"][
        "properties"
    ].keys()


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_while_one_job_is_sampled_the_pose_of_the_next_is_found(comfyui: Path, assets: Path, tmp_path: Path) -> None:
    set_up(tmp_path, jobs_batch=1, jobs_window_seconds=0, jobs_ahead="on")
    with running(comfyui, tmp_path, assets=assets) as server:
        long = {"Sampler.steps": 200, "Plan Keyframes.every": 1, "Load Video.duration": 2}
        samples = post(server, **{**UNCACHED, **LOOKS["a"], **long})
        waits = post(server, **{**UNCACHED, **LOOKS["b"]})
        poses = tmp_path / "user" / "frugal-motion" / "cache"
        until(lambda: (state(server, samples)["progress"] or {}).get("node") == "Sampler", "sampling")
        until(lambda: len(list(poses.glob("??/*.json"))) == 4, "a pose and a plan of both")
        assert state(server, samples)["progress"]["node"] == "Sampler" and state(server, waits)["state"] == "queued"
        assert delete(server, samples)[0] == 200
        (done,) = ended(server, waits)
        assert done["state"] == "done", done["error"]
        stages = _report(done)
        assert stages["Extract Pose"]["cached"] and stages["Plan Keyframes"]["cached"]
        assert not stages["Load Video"]["cached"] and not stages["Sampler"]["cached"]
        assert ask(server, "/cache")[1]["hits"] == 0, "it has saved nothing"


def _report(job: Any) -> dict[str, Any]:
    """What its stages have cost, by title."""
    (report,) = (output for output in job["results"] if output["class"] == "FrugalCostReport")
    return {stage["stage"]: stage for stage in report["data"]["frugal_report"][0]["stages"]}


@pytest.mark.slow
def test_jobs_outlive_a_server_that_is_killed(comfyui: Path, assets: Path, tmp_path: Path) -> None:
    set_up(tmp_path, jobs_batch=2, jobs_window_seconds=0.5)
    with running(comfyui, tmp_path, assets=assets) as server:
        ids = [post(server, **{**UNCACHED, "Sampler.seed": seed}) for seed in range(5)]
        until(lambda: any(state(server, job)["state"] == "done" for job in ids), "the first result")
        until(lambda: any((state(server, job)["progress"] or {}).get("done", 0) > 3 for job in ids), "the next batch")
        done = {job for job in ids if state(server, job)["state"] == "done"}
        server.process.kill()
        server.process.wait()
    before = {job: list((tmp_path / "output" / "jobs" / job).iterdir()) for job in done}
    with running(comfyui, tmp_path, assets=assets) as server:
        jobs = ended(server, *ids)
        assert [job["state"] for job in jobs] == ["done"] * 5
        for job in jobs:
            files = list((tmp_path / "output" / "jobs" / job["job_id"]).iterdir())
            assert files == [video(server, job)], "one file, and nothing half done"
            if job["job_id"] in done:
                assert files == before[job["job_id"]]
        assert len(frames(files[0])) > 0
