"""What runs have cost, over HTTP, on a real ComfyUI server."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from frugal_motion.tools.server import Server

from .client import ask, until

LOAD = {"file": "one_person.mp4", "start": 0, "duration": 0.5, "frame_rate": 12, "size": "custom", "width": 64}
PROMPT: dict[str, Any] = {
    "1": {
        "class_type": "FrugalLoadVideo",
        "inputs": {**LOAD, "height": 64, "fit": "cover"},
        "_meta": {"title": "My clip"},
    },
    "2": {
        "class_type": "FrugalSaveVideo",
        "inputs": {"video": ["1", 0], "filename_prefix": "runs", "codec": "h264", "quality": 50},
    },
    "3": {"class_type": "FrugalCostReport", "inputs": {"after": ["2", 0], "gpu_price": 1.5}},
}


def posted(server: Server, prompt: dict[str, Any]) -> str:
    body = json.dumps({"prompt": prompt}).encode()
    request = urllib.request.Request(server.url + "/prompt", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["prompt_id"])


def test_a_run_is_kept_with_its_stages_and_its_workflow(server: Server) -> None:
    run = posted(server, PROMPT)
    until(lambda: ask(server, f"/runs/{run}")[0] == 200, "the record")
    record = ask(server, f"/runs/{run}")[1]
    assert record["status"] == "success" and record["prompt"] == PROMPT
    assert record["prompt_seconds"] >= record["total_seconds"] > 0
    by_name = {stage["stage"]: stage for stage in record["stages"]}
    assert by_name["My clip"]["frames"] >= 6 and by_name["My clip"]["kind"] == "FrugalLoadVideo"
    assert by_name["FrugalSaveVideo"]["seconds"] > 0

    newest = ask(server, "/runs?limit=1")[1]["runs"]
    assert [found["run"] for found in newest] == [run] and "prompt" not in newest[0]
    shown = server.get(f"/history/{run}")[run]["outputs"]["3"]["frugal_report"][0]
    assert shown["video_seconds"] == 0.5 and shown["dollars_per_10_s"] == 0, "nothing of it was work for a GPU"


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1001"])
def test_absurd_limits(server: Server, limit: str) -> None:
    code, found = ask(server, f"/runs?limit={limit}")
    assert code == 400 and "1 to 1000" in found["error"]


def test_a_run_that_is_not_there(server: Server) -> None:
    assert ask(server, "/runs/none")[0] == 404


def test_an_estimate_before_and_after_the_first_run(server: Server) -> None:
    shown = {**PROMPT["1"], "inputs": PROMPT["1"]["inputs"] | {"video-preview": ""}}  # as newer editors post it
    before = ask(server, "/estimate", {"prompt": PROMPT | {"1": shown}, "options": {"gpu": "L4"}})
    assert before[0] == 200 and before[1]["seconds"] == 0, "no work for a GPU in it"
    code, found = ask(server, "/estimate", {"prompt": PROMPT, "options": {"gpu": "Abacus"}})
    assert code == 400 and "L4" in found["error"]
    assert ask(server, "/estimate", {"prompt": 3})[0] == 400
    assert ask(server, "/estimate", {"prompt": PROMPT, "options": []})[0] == 400

    run = posted(server, PROMPT | {"2": {**PROMPT["2"], "inputs": PROMPT["2"]["inputs"] | {"quality": 31}}})
    until(lambda: ask(server, f"/runs/{run}")[0] == 200, "the record")
    stages = {stage["stage"]: stage for stage in ask(server, "/estimate", {"prompt": PROMPT})[1]["stages"]}
    assert stages["save"]["measured"] and stages["save"]["seconds"] > 0
