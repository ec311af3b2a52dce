"""``make fleet``: what it starts is closed, and its jobs are jobs of the shipped workflow."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from frugal_motion.tools import fleet


def test_ray_is_closed_and_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN", "FRUGAL_MOTION_FLEET"):
        monkeypatch.setenv(name, "of another fleet")
    first, second = (fleet._environment(tmp_path) for _ in range(2))
    assert {name: first[name] for name in ("RAY_USAGE_STATS_ENABLED", "RAY_AUTH_MODE")} == {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
    }
    assert "of another fleet" not in first.values()
    assert first.keys() == second.keys()
    token = Path(first["RAY_AUTH_TOKEN_PATH"])
    assert token.parent == tmp_path
    assert len(token.read_text(encoding="utf-8")) == 64
    assert os.name == "nt" or stat.S_IMODE(token.stat().st_mode) == 0o600, "for its owner alone"


def test_workers_are_those_of_the_shipped_file_in_places_of_their_own(tmp_path: Path) -> None:
    schema = pytest.importorskip("ray.serve.schema")
    config = schema.ServeDeploySchema.model_validate(json.loads(fleet._serve_config(3, tmp_path)))
    (app,) = config.applications
    assert app.deployments[0].num_replicas == 3
    assert app.args["options"] == ["--cpu"]
    assert Path(app.args["home"]).is_relative_to(tmp_path)
    assert Path(app.args["models"]) == tmp_path / "extra_model_paths.yaml", "which the gateway's start has written"


def test_jobs_have_values_of_the_workflows_own_types() -> None:
    graph = json.loads((fleet.WORKFLOWS / "motion_edit.json").read_text(encoding="utf-8"))
    inputs = {
        f"{node['_meta']['title']}.{key}": value for node in graph.values() for key, value in node["inputs"].items()
    }
    values = fleet.job_values("a robot", 7)
    assert values["Prompt.text"] == "a robot"
    assert values["Checkpoint.ckpt_name"] == "frugal-demo.ckpt"
    for name, value in values.items():
        assert isinstance(value, str) == isinstance(inputs[name], str), name
