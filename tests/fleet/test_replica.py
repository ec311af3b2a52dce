"""Workers under a real Ray, with a stand-in for their ComfyUI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.fleet.version import ROOT

from .test_worker import JOB, STAND_IN, ended

pytest.importorskip("ray")

# The tests' own names would hide the pack's: a process of its own is the driver.
SCRIPT = """
import json, os, sys, time
import ray
from ray import serve
from nodes.fleet.replica import WorkerArgs, app

ray.init("auto", log_to_driver=False)
serve.start(proxy_location="Disabled")
given, orders = json.loads(sys.argv[1]), json.loads(sys.argv[2])
handle = serve.run(app(WorkerArgs(**given)), name="frugal-motion", route_prefix=None)
told, worker = [], None
for order, is_last in orders:
    for tries in range(1000):
        lines, error = [], []
        try:
            for line in handle.options(method_name="run", stream=True).remote(order):
                lines.append(line)
        except Exception as raised:
            error = [[one.__name__ for one in type(raised).__mro__], str(raised)]
        ends = error and "OSError" in error[0] and "about to end" in error[1]
        if not error or not ends and (is_last or tries >= 2):  # a busy machine may lose a call
            break
        time.sleep(0.2)
    about, before = None, worker
    while about is None or (is_last and worker == before):
        try:
            about = handle.about.remote().result(timeout_s=60)
            worker = about["worker"]
        except Exception:
            time.sleep(0.5)
    told.append({"lines": lines, "error": error, "then": worker, "node": about["node"]})
serve.delete("frugal-motion")
print(json.dumps({"told": told, "left": sorted(os.listdir(given["home"] + "/workers"))}))
"""


@pytest.mark.slow
def test_a_worker_is_replaced_when_its_comfyui_has_died_or_is_broken(tmp_path: Path) -> None:
    from .cluster import ray_head

    def order(lines: list[Any]) -> dict[str, Any]:
        prompt = {"1": {"class_type": json.dumps(lines), "inputs": {}}}
        return {"run": "run", "jobs": [JOB], "prompts": [prompt], "files": tmp_path.as_uri(), "inputs": {}}

    broken = ended("error", error="No space left on device")
    absent = {**order([]), "inputs": {"x.mp4": "a" * 64}}
    ends = [(order([{"at": "1"}, {"dies": 9}]), True), (order([broken]), True)]
    orders = [(order([ended()]), False), *ends, (order([ended()]), False), (absent, False)]
    args = {"comfyui": str(STAND_IN), "home": str(tmp_path / "home")}
    with ray_head("--num-cpus=2") as cluster:
        cluster.env = {**cluster.env, "PYTHONPATH": str(ROOT)}
        said = json.loads(cluster.run("-c", SCRIPT, json.dumps(args), json.dumps(orders), timeout=240).splitlines()[-1])
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
