"""What a real ComfyUI does for the worker that owns it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frugal_motion.nodes.fleet.child import Child, Wanted
from frugal_motion.nodes.fleet.order import Order
from frugal_motion.nodes.fleet.version import pack_version

from .orders import MODEL, model_paths, node, order, picture


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worker")


SILENT = """
import time
from comfy.model_management import throw_exception_if_processing_interrupted

class Silent:
    RETURN_TYPES, FUNCTION, OUTPUT_NODE, CATEGORY = (), "work", True, ""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"seconds": ("INT", {"min": -1, "max": 10**6})}}

    def work(self, seconds):
        if seconds < 0:
            raise ValueError("no time")
        for _ in range(20 * seconds):
            time.sleep(0.05)
            throw_exception_if_processing_interrupted()
        return ()

NODE_CLASS_MAPPINGS = {"Silent": Silent}
"""


@pytest.fixture(scope="module")
def child(comfyui: Path, assets: Path, base: Path) -> Iterator[Child]:
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "silent.py").write_text(SILENT, encoding="utf-8")
    env = {"FRUGAL_MOTION_GPU_PRICE": "1.5", "FRUGAL_MOTION_CACHE_FOLDER": str(base / "cache")}
    child = Child(Wanted(comfyui, base, models=model_paths(assets, base), env=env, cpu=True))
    try:
        child.wait()
        yield child
    finally:
        child.end()


def post(child: Child, body: Any, headers: Any = None) -> Any:
    """The answer to an order, as it comes."""
    given = {"Content-Type": "application/json", **(child.headers if headers is None else headers)}
    data = json.dumps(body.as_dict() if isinstance(body, Order) else body).encode()
    request = urllib.request.Request(f"{child.url}/frugal-motion/worker/batch", data, given)
    return urllib.request.urlopen(request, timeout=300)


def lines(child: Child, asked: Order) -> list[Any]:
    with post(child, asked) as answer:
        return [json.loads(line) for line in answer]


def pixels(base: Path, line: Any, node: str) -> np.ndarray:
    (file,) = line["ended"]["outputs"][node]["images"]
    with av.open(str(base / "output" / file["subfolder"] / file["filename"])) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(np.int16)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer \xe9"}])
def test_only_its_owner_is_answered(headers: dict[str, str], child: Child) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        post(child, order(picture("x")), headers)
    request = urllib.request.Request(f"{child.url}/frugal-motion/worker", headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)


def test_a_batch_is_one_run_and_everyone_gets_his_own(child: Child, base: Path) -> None:
    jobs = (uuid.uuid4().hex, uuid.uuid4().hex)
    prompts = [picture(jobs[0], "a robot", 11), picture(jobs[1], "snow", 12)]
    asked = order(*prompts, jobs=jobs)
    told = lines(child, asked)
    last = told[-1]
    assert [line for line in told if "ended" in line] == [last]
    assert last["ended"]["status"] == "success", last
    assert set(last["ended"]["outputs"]) == {"4", "6~1", "6~2", "7~1", "7~2"}, "they share the sampler"
    assert last["places"] == {"4": [0, 1], "6~1": [0], "6~2": [1], "7~1": [0], "7~2": [1]}
    shown = {line["shown"]: line for line in told if "shown" in line}
    assert {node: line["output"] for node, line in shown.items()} == last["ended"]["outputs"]
    assert {node: line["places"] for node, line in shown.items()} == last["places"]
    for place in (0, 1):  # who has shown its last picture saves nothing more
        mine = [line for line in shown.values() if line["places"] == [place]]
        assert [place in line["complete"] for line in mine] == [False, True]
    assert told.index(shown["4"]) < told.index(shown["6~1"]) and any(line.get("max", 0) > 1 for line in told)

    record = last["record"]
    assert record["run"] == asked.run and record["price"] == 1.5 and "prompt" not in record
    assert "4" in record["nodes"] and len(record["nodes"]) == len(record["stages"])

    for place, prompt in enumerate(prompts):
        alone = lines(
            child,
            order({**prompt, "6": {**prompt["6"], "inputs": {**prompt["6"]["inputs"], "filename_prefix": "alone"}}}),
        )
        assert np.abs(pixels(base, alone[-1], "6") - pixels(base, last, f"6~{place + 1}")).max() <= 1
    assert np.abs(pixels(base, last, "6~1") - pixels(base, last, "6~2")).max() > 5, "and they differ"


def test_a_clip_is_told_of_whose_entry_is_of_a_class_of_comfyui(child: Child) -> None:
    """ComfyUI's nodes of the newer kind show ``SavedResult``, which is a dict that cannot be made from pairs."""
    clip = {"8": node("CreateVideo", images=["5", 0], fps=8.0)}
    clip["9"] = node("SaveVideo", video=["8", 0], filename_prefix="clip", format="auto", codec="auto")
    told = lines(child, order({**picture("x"), **clip}))
    (shown,) = (line["output"] for line in told if line.get("shown") == "9")
    (entry,) = shown["images"]
    assert entry["filename"].startswith("clip") and entry["type"] == "output"
    assert told[-1]["ended"]["status"] == "success" and told[-1]["ended"]["outputs"]["9"] == shown


def test_what_it_lacks_is_refused(child: Child) -> None:
    (last,) = lines(child, order(picture("x", model="none.ckpt")))
    assert last["ended"]["status"] == "refused" and "none.ckpt" in last["ended"]["error"] and last["record"] is None


def test_a_node_that_fails_says_so(child: Child) -> None:
    told = lines(child, order({"1": {"class_type": "Silent", "inputs": {"seconds": -1}}}))
    assert (
        told[-1]["ended"].items() >= {"status": "error", "node": "1", "error": "no time", "kind": "ValueError"}.items()
    )


def test_what_nobody_can_make_sense_of_has_an_end_too(child: Child) -> None:
    (last,) = lines(child, order({"1": {}}))
    assert last["ended"]["status"] == "error" and last["ended"]["kind"] == "KeyError"


@pytest.mark.parametrize("change", [{"prompts": []}, {"jobs": 3}, {"run": None, "jobs": ["a", "b"]}])
def test_what_is_no_order_is_refused(change: Any, child: Child) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(child, {**order(picture("x")).as_dict(), **change})


def test_a_run_for_which_nobody_waits_is_interrupted(child: Child) -> None:
    asked = order(picture("x", seed=21, steps=10_000))
    answer = post(child, asked)
    assert any(json.loads(line).get("value", 0) > 2 for line in answer)
    answer.close()
    after = lines(child, order(picture("y", seed=22)))  # it begins when the other one has obeyed
    assert after[-1]["ended"]["status"] == "success"
    (entry,) = child.ask(f"/history/{asked.run}").values()
    assert "execution_interrupted" in [event for event, _ in entry["status"]["messages"]]


def test_a_run_that_says_nothing_is_interrupted_too(child: Child) -> None:
    asked = order({"1": {"class_type": "Silent", "inputs": {"seconds": 100_000}}})
    answer = post(child, asked)
    assert any(json.loads(line).get("at") == "1" for line in answer)
    answer.close()
    assert lines(child, order(picture("y", seed=26)))[-1]["ended"]["status"] == "success"
    (entry,) = child.ask(f"/history/{asked.run}").values()
    assert "execution_interrupted" in [event for event, _ in entry["status"]["messages"]]


def test_a_run_that_waits_for_its_turn_is_not_run_when_nobody_waits(child: Child) -> None:
    first, second = order(picture("x", seed=23, steps=10_000)), order(picture("y", seed=24))
    with post(child, first) as answer:
        assert any(json.loads(line).get("value", 0) > 2 for line in answer)
        # Its head comes at once; nothing else while the first one runs.
        post(child, second).close()
    third = lines(child, order(picture("z", seed=25)))
    assert third[-1]["ended"]["status"] == "success"
    assert child.ask(f"/history/{first.run}") and child.ask(f"/history/{second.run}") == {}


def test_a_job_that_comes_again_is_made_again(child: Child, base: Path) -> None:
    asked = order(picture("again", seed=31))
    (first,) = lines(child, asked)[-1]["ended"]["outputs"]["6"]["images"]
    (base / "output" / first["subfolder"] / first["filename"]).unlink()  # as the worker does
    again = lines(child, order(*asked.prompts, jobs=asked.jobs))[-1]
    assert again["ended"]["status"] == "success" and pixels(base, again, "6").size


def test_it_says_what_it_has(child: Child) -> None:
    lines(child, order(picture("x", seed=41)))
    about = child.ask("/frugal-motion/worker")
    assert about["pack"] == pack_version() and about["comfyui"].count(".") == 2
    assert about["card"] == "cpu" and about["price"] == 1.5 and 0 < about["free_memory"] < about["memory"]
    assert {MODEL, "frugal-demo-openpose.safetensors"} <= set(about["models"]) and about["loaded"] == [MODEL]


def test_it_takes_no_jobs(child: Child, base: Path) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        child.ask("/frugal-motion/jobs")
    assert not list((base / "user").rglob("jobs.sqlite"))


def test_it_ends_with_its_owner(child: Child) -> None:
    """The last one: nothing is left of it."""
    with post(child, order(picture("x", seed=51, steps=10_000))) as answer:
        assert any(json.loads(line).get("value", 0) > 2 for line in answer)
        assert child.process.stdin
        child.process.stdin.close()
        assert child.process.wait(60) == 3
