"""A whole fleet on a hard day: a gateway and two workers, which are killed while they work. See ``hard_day.py``."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from ..conftest import ROOT
from .rig import EQUAL, loopback_only

pytest.importorskip("ray")
if sys.platform == "win32":
    pytest.skip("Ray has no clusters on Windows", allow_module_level=True)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was seen; under ``"loopback only"``, why other interfaces were there."""
    folder = tmp_path_factory.mktemp("day")
    command = [sys.executable, "-m", "tests.fleet.hard_day", str(folder)]
    given: dict[str, Any] = {"cwd": ROOT, "stderr": subprocess.PIPE, "text": True, "timeout": 1200}
    with_others = ""
    try:
        done = loopback_only(command, **given)
    except OSError as error:
        with_others = str(error)
        done = subprocess.run(command, check=False, **given)
    assert done.returncode == 0, done.stderr[-6000:]
    return {**json.loads((folder / "seen.json").read_text(encoding="utf-8")), "with others": with_others}


def test_every_job_ends_well_whoever_was_killed(day: dict[str, Any]) -> None:
    assert [(job["state"], job["error"]) for job in day["jobs"]] == [("done", "")] * 8
    uncharged = [job["ended"] for job in day["jobs"] if not job["cost"]]
    assert all(ended < day["killed at"] for ended in uncharged), "else it was not cut off from what it has cost"
    assert len(uncharged) <= 2 + 2, "what the two workers had when the gateway was killed"


def test_every_job_has_one_whole_file(day: dict[str, Any]) -> None:
    assert [len(files) for files in day["files"].values()] == [1] * 8, day["files"]
    assert set(day["frames"]) == set(day["frames alone"])
    assert len(day["frames"]) == 8


def test_nothing_is_made_anew_after_its_end(day: dict[str, Any]) -> None:
    assert len(day["done before the gateway was killed"]) >= 2
    assert day["remade"] == []


def test_who_asked_is_told_once(day: dict[str, Any]) -> None:
    assert Counter(day["calls"]) == {job["job_id"]: 1 for job in day["jobs"]}


def test_results_are_those_of_a_single_server(day: dict[str, Any]) -> None:
    assert max(day["apart"]) <= EQUAL < day["of two jobs"]


def test_the_fleet_tells_its_workers(day: dict[str, Any]) -> None:
    fleet = day["fleet"]
    assert (fleet["up"], fleet["why"], fleet["queued"], fleet["running"]) == (True, "", 0, 0)
    assert [worker["state"] for worker in fleet["workers"]] == ["idle"] * 2
    assert all(worker["card"] == "cpu" and worker["models"] for worker in fleet["workers"])


def test_a_model_that_no_worker_has_is_named(day: dict[str, Any]) -> None:
    job, names = day["lacking"], {worker["worker"] for worker in day["fleet"]["workers"]}
    assert job["state"] == "failed"
    assert job["error"].count("lacks only-here.ckpt") == 2
    assert any(name in job["error"] for name in names)


def test_a_wrong_token_is_named_and_jobs_are_held(day: dict[str, Any]) -> None:
    met = day["wrong token"]
    assert "refuses our token" in met["why"]
    assert met["held"]
    assert set(met["held"]) == {met["why"]}
    assert (met["posted"]["state"], met["posted"]["held"]) == ("queued", met["why"])


def test_a_second_gateway_on_the_same_store_takes_no_jobs(day: dict[str, Any]) -> None:
    assert [status for status, _ in day["second gateway"]] == [503, 503]


def test_without_a_head_jobs_are_accepted_and_say_why_they_are_held(day: dict[str, Any]) -> None:
    assert day["headless"]["state"] == "queued"
    assert day["headless"]["held"]


def test_nothing_but_the_loopback_interface_is_used(day: dict[str, Any]) -> None:
    if day["with others"]:
        pytest.skip(f"this system lets no process have only a loopback interface: {day['with others']}")
    addresses = [ipaddress.ip_address(address) for address in day["peers"]]
    assert addresses, "nobody was connected to anybody"
    mapped = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
    assert all(address.is_loopback for address in mapped), day["peers"]
