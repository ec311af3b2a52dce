"""Workers under a real Ray, with a stand-in for their ComfyUI."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.fleet.version import ROOT

from .test_worker import JOB, STAND_IN, ended

pytest.importorskip("ray")

# The tests' own names would hide the pack's: a process of its own is the driver. Ray writes to its output too.
SCRIPT = """
import json, os, sys, time
from pathlib import Path
import ray
from ray import serve
from nodes.fleet.replica import WorkerArgs, app

ray.init("auto", log_to_driver=False)
serve.start(proxy_location="Disabled")
given, orders = json.loads(sys.argv[1]), json.loads(sys.argv[2])
handle = serve.run(app(WorkerArgs(**given)), name="frugal-motion", route_prefix=None)

def asked(order):
    lines, error = [], []
    try:
        for line in handle.options(method_name="run", stream=True).remote(order):
            lines.append(line)
    except Exception as raised:
        error = [[one.__name__ for one in type(raised).__mro__], str(raised)]
    return {"lines": lines, "error": error}

told, lost, worker = [], [], None
for order, is_last, fails in orders:
    for tries in range(100):
        one = asked(order)
        if not one["error"] or is_last and "about to end" not in one["error"][1] or fails in one["error"][0]:
            break
        lost.append([len(told), tries, one["error"][1]])  # a gateway tries again too
        time.sleep(0.2)
    about, before = None, worker
    while about is None or (is_last and worker == before):
        try:
            about = handle.about.remote().result(timeout_s=60)
            worker = about["worker"]
        except Exception:
            time.sleep(0.5)
    told.append({**one, "then": worker, "node": about["node"]})
serve.delete("frugal-motion")
Path(sys.argv[3]).write_text(json.dumps({"told": told, "lost": lost, "left": os.listdir(given["home"] + "/workers")}))
"""


@pytest.mark.slow
def test_a_worker_is_replaced_when_its_comfyui_has_died_or_is_broken(tmp_path: Path) -> None:
    from .cluster import ray_head

    def order(lines: list[Any]) -> dict[str, Any]:
        prompt = {"1": {"class_type": json.dumps(lines), "inputs": {}}}
        return {"run": "run", "jobs": [JOB], "prompts": [prompt], "files": tmp_path.as_uri(), "inputs": {}}

    broken = ended("error", error="No space left on device")
    absent = {**order([]), "inputs": {"x.mp4": "a" * 64}}
    lives = (order([ended()]), False, "")
    ends = [(order([{"at": "1"}, {"dies": 9}]), True, ""), (order([broken]), True, "")]
    orders = [lives, *ends, lives, (absent, False, "FilesError")]
    args = {"comfyui": str(STAND_IN), "home": str(tmp_path / "home")}
    answer = tmp_path / "answer.json"
    with ray_head("--num-cpus=2") as cluster:
        cluster.env = {**cluster.env, "PYTHONPATH": str(ROOT)}
        cluster.run("-c", SCRIPT, json.dumps(args), json.dumps(orders), answer, timeout=240)
        said = json.loads(answer.read_text(encoding="utf-8"))
        if said["lost"]:
            logs = [path.read_text(errors="replace")[-3000:] for path in cluster.folder.glob("ray/*/logs/serve/*.log")]
            warnings.warn(f"calls were lost: {said['lost']}\n{''.join(logs)}", stacklevel=1)
    fine, died, worn, again, absent = said["told"]
    for one in (fine, again):
        assert (one["lines"], one["error"]) == ([ended()], [])
    assert fine["node"]
    assert died["lines"] == [{"at": "1"}] and "RuntimeError" in died["error"][0]
    assert "ended with status 9" in died["error"][1] and "last words" in died["error"][1]
    assert worn["lines"] == [broken]
    assert "OSError" in absent["error"][0] and not absent["lines"], "the storage is no fault of the job"
    assert len({fine["then"], died["then"], worn["then"]}) == 3 and worn["then"] == again["then"] == absent["then"]
    assert said["left"] == [".lock"]
