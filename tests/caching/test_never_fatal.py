"""A cache never fails a run: whatever goes wrong in it, the value passes through. What is not its fault stays."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av.error
import folder_paths
import numpy as np
import pytest
import torch
from comfy.model_management import InterruptProcessingException
from comfy_execution.graph import DynamicPrompt
from safetensors import SafetensorError

from frugal_motion.nodes.caching import keeping
from frugal_motion.nodes.caching.memoize import memoized
from frugal_motion.nodes.caching.node import FrugalHashCache
from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.nodes.caching.tree_codec import NotStorable
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.frugal_node import Stage
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames

STAGE = Stage("1", "Test", "cpu")
NOISE = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
ERRORS = [
    OSError(28, "No space left on device"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    av.error.ExternalError(-542398533, "Generic error in an external library"),
    sqlite3.OperationalError("database or disk is full"),
    MemoryError(),
    RuntimeError("can't start new thread"),
    RecursionError("maximum recursion depth exceeded"),
    NotStorable("a Linear cannot be cached"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path))
    return tmp_path / "frugal-motion" / "cache"


def node(colour: int = 1) -> Any:
    """The node as ComfyUI calls it in a run of its own."""
    number = uuid.uuid4().hex
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": colour}},
        number: {"class_type": "FrugalHashCache", "inputs": {"value": ["1", 0], "motion_style": "", "enabled": True}},
    }
    clone = FrugalHashCache.PREPARE_CLASS_CLONE(None)
    clone.hidden = SimpleNamespace(unique_id=number, dynprompt=DynamicPrompt(prompt))
    return clone


def video() -> StreamVideo:
    return StreamVideo(ArrayStream(NOISE, Fraction(12)))


def run(value: Any, colour: int = 1) -> Any:
    """A run that asks for the value, and gets it."""
    this = node(colour)
    assert this.check_lazy_status([None], [""], [True]) == ["value"]
    return this.execute([value], [""], [True])


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name != "digests.json"]


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """The system refuses to write more than so many bytes into a file."""
    resource = pytest.importorskip("resource", reason="no file size limit to hit")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("room", [100, 10_000])  # not even the facts fit; or not the content
@pytest.mark.parametrize("kind", ["values", "video"])
def test_a_full_disk(cache: Path, kind: str, room: int, caplog: pytest.LogCaptureFixture) -> None:
    value = video() if kind == "video" else torch.rand(4, 64, 64, 3)
    with full_disk(room):
        output = run(value)
    assert output.args == ([value],) and output.ui["frugal_cache"][0]["state"] == "not kept"
    assert caplog.text.count("it passes through") == 1
    assert files(cache) == []
    assert run(value).ui["frugal_cache"][0]["state"] == "miss", "when there is room again"


def test_a_disk_on_which_the_content_fits_but_not_what_tells_of_it(cache: Path) -> None:
    run(7)
    (content,), (facts,) = cache.rglob("*.safetensors"), cache.rglob("??/*.json")
    assert content.stat().st_size < facts.stat().st_size
    room = facts.stat().st_size - 1
    shutil.rmtree(cache)
    with full_disk(room):
        output = run(7)
    assert output.args == ([7],) and output.ui["frugal_cache"][0]["state"] == "not kept"
    assert files(cache) == []


def test_a_full_disk_under_what_is_remembered(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    value = torch.rand(4, 64, 64, 3)
    with full_disk(10_000):
        assert memoized(STAGE, {"a": 1}, lambda: value) is value
    assert "Test: Error while serializing" in caplog.text and files(cache) == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["add", "trim", "read", "find"])
def test_whatever_goes_wrong(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(EntryStore, step, fail)
    image = torch.rand(1, 4, 4, 3)
    assert torch.equal(run(image).args[0][0], image)
    assert np.array_equal(np.concatenate(list(as_stream(run(video(), 2).args[0][0]).chunks())), NOISE)
    assert memoized(STAGE, {"a": 1}, lambda: 3) == 3
    assert (str(error) or "MemoryError") in caplog.text


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_when_a_hit_is_noted(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    image = torch.rand(1, 4, 4, 3)
    run(image)
    memoized(STAGE, {"a": 1}, lambda: 3)
    monkeypatch.setattr(EntryStore, "touch", fail)
    this = node()
    assert this.check_lazy_status([None], [""], [True]) == []
    assert torch.equal(this.execute([None], [""], [True]).args[0][0], image)
    assert memoized(STAGE, {"a": 1}, lambda: 4) == 3


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_when_a_video_is_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: Any, path: Path, *__: Any, **___: Any) -> Any:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(keeping, "save", fail)
    value = video()
    assert run(value).args == ([value],) and files(cache) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path / "file"))
    image = torch.rand(1, 4, 4, 3)
    assert run(image).args == ([image],)
    assert memoized(STAGE, {"a": 1}, lambda: 3) == 3


def test_a_picture_that_the_cache_s_encoder_does_not_take(cache: Path) -> None:
    """It may be saved otherwise, e.g. as a png sequence."""
    value = StreamVideo(ArrayStream(np.zeros((2, 20000, 16, 3), np.uint8), Fraction(12)))
    assert run(value).args == ([value],) and files(cache) == []


def test_inputs_whose_content_cannot_be_told() -> None:
    assert memoized(STAGE, {"a": torch.zeros(2, dtype=torch.bfloat16)}, lambda: 3) == 3


class Failing(ArrayStream):
    """Computed while it is read, and fails in the middle."""

    error: Exception

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        yield self.frames[:size]
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        InputError("image", "x", "y"),
        torch.cuda.OutOfMemoryError("out of memory"),
        OSError(2, "No such file", "clip.mp4"),
        RuntimeError("boom"),
        NotStorable("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_in_the_work_itself_is_the_run_s(
    cache: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stream = Failing(NOISE, Fraction(12))
    stream.error = error
    with pytest.raises(type(error)) as caught:
        run(StreamVideo(stream))
    assert caught.value is error
    assert "passes through" not in caplog.text and files(cache) == []


@pytest.mark.parametrize("cancel", [InterruptProcessingException, KeyboardInterrupt])
@pytest.mark.parametrize("step", ["add", "read", "touch"])
def test_a_cancel_is_one(cache: Path, monkeypatch: pytest.MonkeyPatch, step: str, cancel: type[BaseException]) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise cancel

    if step == "touch":
        run(7)
        memoized(STAGE, {"a": 1}, lambda: 3)
    monkeypatch.setattr(EntryStore, step, fail)
    with pytest.raises(cancel):
        this = node()
        this.check_lazy_status([None], [""], [True])
        this.execute([7], [""], [True])
    with pytest.raises(cancel):
        memoized(STAGE, {"a": 1}, lambda: 3)


def test_a_cancel_while_a_video_is_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*_: Any) -> None:
        raise InterruptProcessingException

    monkeypatch.setattr(keeping.Progress, "step", cancel)
    with pytest.raises(InterruptProcessingException):
        run(video())
    assert files(cache) == []


def test_a_store_of_facts_that_make_no_sense(cache: Path) -> None:
    """Such a file stops nobody from making room either."""
    run(7)
    (facts,) = cache.rglob("??/*.json")
    facts.write_text('{"content": "a.bin", "kind": "values", "size": Infinity, "seconds": 1, "crc32": 1, "made": ""}')
    assert run(7).ui["frugal_cache"][0]["state"] == "miss"
    os.truncate(facts, 0)
    assert run(7).ui["frugal_cache"][0]["state"] == "miss"
