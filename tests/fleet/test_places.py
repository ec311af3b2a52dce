"""Folders of workers, and their input files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.fleet.places import KEPT_DAYS, Claim, Inputs, is_confined

from ..conftest import ROOT

OWNER = """
import sys, time
from pathlib import Path
from nodes.fleet.places import Claim
claim = Claim(Path(sys.argv[1]), sys.argv[2])
(claim.folder / "file").write_text("x")
print("here", flush=True)
time.sleep(600)
"""


def owner(home: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OWNER, str(home), name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_folders_of_dead_workers_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    owners = [owner(tmp_path, name) for name in "abcd"]  # all at once
    try:
        for one in owners:
            assert one.stdout and one.stdout.readline() == "here\n"
        assert sorted(path.name for path in (tmp_path / "workers").iterdir() if path.is_dir()) == list("abcd")
        for one in owners[:2]:
            one.kill()
            one.wait()
        claim = Claim(tmp_path, "e")
        assert sorted(path.name for path in (tmp_path / "workers").iterdir() if path.is_dir()) == list("cde")
        assert (tmp_path / "workers/c/file").exists()
        claim.remove()
        claim.remove()
        assert {path.name for path in (tmp_path / "workers").iterdir()} - {".lock"} == {"c", "d", "c.lock", "d.lock"}
    finally:
        for one in owners:
            one.kill()
            one.communicate()


class Store:
    def __init__(self, *contents: bytes) -> None:
        self.files = {f"{hashlib.sha256(content).hexdigest()}.mp4": content for content in contents}
        self.fetched: list[str] = []

    def fetch(self, name: str, path: Path) -> None:
        self.fetched.append(name)
        path.write_bytes(self.files[name])


def test_a_name_has_the_content_that_the_order_says(tmp_path: Path) -> None:
    store = Store(b"one", b"two")
    one, two = store.files
    inputs, beside = Inputs(tmp_path, tmp_path / "a"), Inputs(tmp_path, tmp_path / "b")
    inputs.lay({"x.mp4": one, "deep/er/y.mp4": one}, store.fetch)
    path, deep = tmp_path / "a/x.mp4", tmp_path / "a/deep/er/y.mp4"
    assert path.read_bytes() == deep.read_bytes() == b"one"
    first = path.stat()
    inputs.lay({"x.mp4": two}, store.fetch)
    assert path.read_bytes() == b"two"
    assert deep.read_bytes() == b"one", "other names keep what they have"
    assert path.stat().st_mtime_ns != first.st_mtime_ns
    inputs.lay({"x.mp4": one}, store.fetch)
    path.unlink()
    inputs.lay({"x.mp4": one}, store.fetch)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == (first.st_mtime_ns, b"one"), "ComfyUI knows it again"
    beside.lay({"x.mp4": one}, store.fetch)
    assert store.fetched == [one, two], "once for all workers"
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name.startswith(".")]


@given(st.sets(st.binary(min_size=32, max_size=32), min_size=2, max_size=20))
def test_contents_differ_in_their_time_of_change(tmp_path_factory: pytest.TempPathFactory, seeds: set[bytes]) -> None:
    store = Store(*seeds)
    folder = tmp_path_factory.mktemp("x")
    inputs = Inputs(folder, folder / "input")
    inputs.lay({f"{place}.mp4": name for place, name in enumerate(store.files)}, store.fetch)
    paths = list((folder / "input").iterdir())
    assert len({round(path.stat().st_mtime_ns / 10**9) for path in paths}) == len(paths) == len(store.files)


@pytest.mark.parametrize(
    "name", ["../x.mp4", "a/../../x", "/x", "C:/x", "C:x", "\\\\server\\x", "a\\..\\..\\x", "..", "", "a\0b"]
)
def test_no_name_leads_out(name: str, tmp_path: Path) -> None:
    store = Store(b"one")
    with pytest.raises(ValueError, match="input folder"):
        Inputs(tmp_path, tmp_path / "a").lay({name: next(iter(store.files))}, store.fetch)
    assert not is_confined(name) and not store.fetched


@given(st.text(alphabet="a./\\:~", max_size=8))
def test_what_is_confined_stays_below(name: str) -> None:
    root = Path("/any/below")
    if is_confined(name):
        assert Path(os.path.normpath(root / name.replace("\\", "/"))).is_relative_to(root)


@pytest.mark.parametrize("blob", ["x.mp4", "../" + "a" * 64, "a" * 64 + "/..", "A" * 64])
def test_only_names_of_the_store_are_asked_for(blob: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Inputs(tmp_path, tmp_path / "a").lay({"x.mp4": blob}, Store().fetch)


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    store = Store(b"one", b"two")
    one, two = store.files
    Inputs(tmp_path, tmp_path / "a").lay({"x.mp4": one, "y.mp4": two}, store.fetch)
    old = time.time() - (KEPT_DAYS + 1) * 86400
    os.utime(tmp_path / "inputs" / one, (old, (tmp_path / "inputs" / one).stat().st_mtime))
    Inputs(tmp_path, tmp_path / "b").lay({}, store.fetch)
    assert [path.name for path in (tmp_path / "inputs").iterdir()] == [two]


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fetch(name: str, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        Inputs(tmp_path, tmp_path / "a").lay({"x.mp4": "a" * 64}, fetch)
    assert not [name for _, _, names in os.walk(tmp_path) for name in names]


def test_what_a_failed_order_has_laid_goes_too(tmp_path: Path) -> None:
    store = Store(b"one")
    inputs = Inputs(tmp_path, tmp_path / "a")
    with pytest.raises(KeyError):
        inputs.lay({"poses/1.png": next(iter(store.files)), "poses/2.png": "b" * 64}, store.fetch)
    inputs.remove()
    assert not list((tmp_path / "a").rglob("*.png")), "a node that reads the folder would take it for the next order's"
