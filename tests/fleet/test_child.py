"""A ComfyUI as a child: how it is started, watched and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from frugal_motion.nodes.fleet.child import PACK, Child, ChildError, Wanted, found_comfyui
from frugal_motion.nodes.fleet.version import ROOT, pack_version

STAND_IN = Path(__file__).parent / "stand_in"


@contextmanager
def started(base: Path, comfyui: Path = STAND_IN, **wanted: Any) -> Iterator[Child]:
    child = Child(Wanted(comfyui, base, **wanted))
    try:
        child.wait()
        yield child
    finally:
        child.end()


def said(child: Child, what: str) -> Any:
    """What the stand-in has told of how it was started."""
    return next(json.loads(line.partition(" ")[2]) for line in child.log().splitlines() if line.startswith(what))


def test_it_sees_nothing_of_its_owner_but_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"RAY_JOB_ID": "1", "PYTHONPATH": "x", "OMP_NUM_THREADS": "1", "FRUGAL_MOTION_FLEET": "auto"}
    kept = {"CUDA_VISIBLE_DEVICES": "0", "FRUGAL_MOTION_IDLE_MINUTES": "2", "FRUGAL_MOTION_CACHE_REMOTE": "s3://x"}
    for name, value in {**given, **kept}.items():
        monkeypatch.setenv(name, value)
    with started(tmp_path, env={"OMP_NUM_THREADS": "3", "OWN": "o"}) as child:
        env = said(child, "env")
    assert env.keys().isdisjoint(given.keys() - {"OMP_NUM_THREADS"})
    assert env["OMP_NUM_THREADS"] == "3" and env["OWN"] == "o" and env["OMP_WAIT_POLICY"] == "PASSIVE"
    assert {name: env[name] for name in kept} == kept
    assert len(env["FRUGAL_MOTION_WORKER"]) > 30


def test_its_folders_are_its_own_and_the_pack_is_there(tmp_path: Path) -> None:
    with started(tmp_path / "b", options=["--lowvram"], models="/m.yaml", cpu=True) as child:
        argv = said(child, "argv")
    options = dict(pairwise(argv))
    for option, name in (
        ("--input-directory", "input"),
        ("--output-directory", "output"),
        ("--user-directory", "user"),
    ):
        assert Path(options[option]) == tmp_path / "b" / name and (tmp_path / "b" / name).is_dir()
    assert Path(options["--temp-directory"]) == tmp_path / "b"
    assert options["--listen"] == "127.0.0.1" and "--cpu" in argv and "--lowvram" in argv
    files = [argv[place + 1] for place, option in enumerate(argv) if option == "--extra-model-paths-config"]
    assert files[0] == "/m.yaml"
    (paths,) = json.loads(Path(files[1]).read_text()).values()
    assert (Path(paths["base_path"]) / paths["custom_nodes"] / PACK).resolve() == ROOT


def test_a_pack_that_is_installed_in_comfyui_is_not_loaded_twice(tmp_path: Path) -> None:
    comfyui = tmp_path / "ComfyUI"
    (comfyui / "custom_nodes").mkdir(parents=True)
    (comfyui / "main.py").write_text((STAND_IN / "main.py").read_text())
    (comfyui / "custom_nodes" / "mine").symlink_to(ROOT, target_is_directory=True)
    with started(tmp_path / "b", comfyui) as child:
        assert "--extra-model-paths-config" not in said(child, "argv") and not (tmp_path / "b/custom_nodes").exists()


def test_only_its_owner_is_answered(tmp_path: Path) -> None:
    with started(tmp_path, env={"ABOUT": '{"pack": "1"}'}) as child:
        assert child.ask("/frugal-motion/worker")["pack"] == "1"
        child.headers = {}
        with pytest.raises(urllib.error.HTTPError):
            child.ask("/frugal-motion/worker")


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match=r"(?s)ended with status 7.*argv"), started(tmp_path, env={"STARTS_NOT": "7"}):
        pass


def test_one_without_the_pack_is_no_worker(tmp_path: Path) -> None:
    comfyui = tmp_path / "ComfyUI"
    comfyui.mkdir()
    server = "import sys; from http.server import *\n"
    server += (
        "HTTPServer(('127.0.0.1', int(sys.argv[sys.argv.index('--port') + 1])), BaseHTTPRequestHandler).serve_forever()"
    )
    (comfyui / "main.py").write_text(server)
    with pytest.raises(ChildError, match="without this pack"), started(tmp_path / "b", comfyui):
        pass


def test_it_is_known_when_it_has_ended_and_how(tmp_path: Path) -> None:
    with started(tmp_path) as child:
        assert child.ended() == ""
        child.process.kill()
        child.process.wait(30)
        assert "ended with status" in child.ended() and "argv" in child.ended()
        assert child.last_line().startswith("argv")


def test_it_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from nodes.fleet.child import Child, Wanted\n"
        "child = Child(Wanted(Path(sys.argv[1]), Path(sys.argv[2]))); child.wait()\n"
        "print('pid', child.process.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(STAND_IN), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        pid = next(int(line.split()[1]) for line in owner.stdout if line.startswith("pid"))
        owner.kill()
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(30)


def test_comfyui_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found_comfyui(str(STAND_IN)) == STAND_IN.resolve()
    monkeypatch.setenv("COMFYUI_PATH", str(STAND_IN))
    assert found_comfyui() == STAND_IN.resolve()
    with pytest.raises(ChildError, match="COMFYUI_PATH"):
        found_comfyui(str(tmp_path))
    monkeypatch.setenv("COMFYUI_PATH", "")
    assert os.path.samefile(found_comfyui(), ROOT / ".comfyui")


def test_the_version_is_that_of_the_project() -> None:
    import tomllib

    assert pack_version() == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
