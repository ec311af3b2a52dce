"""The Hash Cache node: hits, misses, and what must not stop a run."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import folder_paths
import numpy as np
import pytest
import torch
from comfy_execution.graph import DynamicPrompt

from frugal_motion.nodes.caching import keeping
from frugal_motion.nodes.caching.node import FrugalHashCache
from frugal_motion.nodes.caching.remote import THREAD
from frugal_motion.nodes.host.folders import lent_file
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.video.stream import ArrayStream


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path))
    return tmp_path / "frugal-motion" / "cache"


def node(seed: Any = 1) -> Any:
    """The node as ComfyUI calls it in a run of its own, behind an image made with ``seed``."""
    number = uuid.uuid4().hex
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": seed}},
        number: {"class_type": "FrugalHashCache", "inputs": {"value": ["1", 0], "motion_style": "", "enabled": True}},
    }
    clone = FrugalHashCache.PREPARE_CLASS_CLONE(None)
    clone.hidden = SimpleNamespace(unique_id=number, dynprompt=DynamicPrompt(prompt))
    return clone


def test_a_miss_asks_for_the_value_and_a_hit_does_not() -> None:
    image = torch.rand(2, 4, 4, 3)
    assert node().check_lazy_status([None], [""], [True]) == ["value"]
    missed = node().execute([image], [""], [True])
    assert missed.ui["frugal_cache"][0]["state"] == "miss"
    assert node().check_lazy_status([None], [""], [True]) == []
    hit = node().execute([None], [""], [True])
    assert hit.ui["frugal_cache"][0]["state"] == "hit" and torch.equal(hit.args[0][0], image)


def test_other_parameters_and_another_style_miss() -> None:
    node().execute([torch.rand(1, 4, 4, 3)], [""], [True])
    assert node(seed=2).check_lazy_status([None], [""], [True]) == ["value"]
    assert node().check_lazy_status([None], ["calm"], [True]) == ["value"]


def test_switched_off_it_neither_reads_nor_keeps(cache: Path) -> None:
    output = node().execute(["x"], [""], [False])
    assert output.args == (["x"],) and output.ui["frugal_cache"][0]["state"] == "off"
    assert node().check_lazy_status([None], [""], [False]) == ["value"]
    assert not list(cache.rglob("*.safetensors"))


def test_a_video_comes_back_bit_for_bit() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 17, 31, 3), np.uint8)
    video = StreamVideo(ArrayStream(frames, Fraction(24000, 1001)))
    for value in ([video], [None]):
        node().check_lazy_status([None], [""], [True])
        kept = as_stream(node().execute(value, [""], [True]).args[0][0])
        assert kept.info.frame_rate == Fraction(24000, 1001)
        assert np.array_equal(np.concatenate(list(kept.chunks())), frames)


def test_a_model_passes_through(caplog: pytest.LogCaptureFixture) -> None:
    model = torch.nn.Linear(1, 1)
    output = node().execute([model], [""], [True])
    assert output.args == ([model],) and output.ui["frugal_cache"][0]["state"] == "not kept"
    assert "Linear cannot be cached; it passes through" in caplog.text


def test_a_full_disk_does_not_stop_the_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "save", full)
    video = StreamVideo(ArrayStream(np.zeros((2, 4, 4, 3), np.uint8), Fraction(12)))
    assert node().execute([video], [""], [True]).args == ([video],)
    assert "No space left on device; it passes through" in caplog.text
    assert not [path for path in cache.rglob("*") if path.is_file() and path.name != "digests.json"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "zero", "facts", "gone", "header"])
def test_a_damaged_entry_is_made_anew(cache: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    image = torch.rand(2, 4, 4, 3)
    node().execute([image], [""], [True])
    (content,) = cache.rglob("*.safetensors")
    whole = content.read_bytes()
    changed = {
        "flip": bytes([*whole[:-1], whole[-1] ^ 1]),
        "truncate": whole[:-3],
        "zero": b"",
        "header": b"\xff" * 8 + whole[8:],
    }
    if damage == "gone":
        content.unlink()
    elif damage == "facts":
        next(cache.rglob("??/*.json")).write_text("{")
    else:
        content.write_bytes(changed[damage])
    assert node().check_lazy_status([None], [""], [True]) == ["value"], "a miss: what is in front runs again"
    again = node().execute([image], [""], [True])
    assert again.ui["frugal_cache"][0]["state"] == "miss"
    assert node().check_lazy_status([None], [""], [True]) == []
    assert torch.equal(node().execute([None], [""], [True]).args[0][0], image)
    assert len([record for record in caplog.records if "damaged" in record.message]) <= 1


def test_an_entry_that_vanishes_between_the_look_and_the_use(cache: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    node().execute([StreamVideo(ArrayStream(frames, Fraction(12)))], [""], [True])
    run = node()
    assert run.check_lazy_status([None], [""], [True]) == []
    for path in cache.rglob("*.*"):
        path.unlink()
    video = run.execute([None], [""], [True]).args[0][0]
    assert np.array_equal(np.concatenate(list(as_stream(video).chunks())), frames)


@pytest.mark.parametrize("has_links", [True, False])
def test_hits_lend_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", Mock(side_effect=OSError("another drive")))
    for value in (0, 1):  # the second takes the place of the first
        frames = np.full((5, 16, 16, 3), value, np.uint8)
        node().execute([StreamVideo(ArrayStream(frames, Fraction(12)))], [""], [True], [True])
        for _ in range(3):
            stream = as_stream(node().execute([None], [""], [True]).args[0][0])
            assert np.array_equal(np.concatenate(list(stream.chunks())), frames)
    assert len(list((tmp_path / "temp" / "frugal-motion").iterdir())) == 2


def test_a_file_that_is_no_longer_the_same_is_not_lent(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("whole")
    lent = lent_file(tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4").unlink()
    lent.write_text("ruins")
    (tmp_path / "clip.mp4").write_text("whole")
    assert lent_file(tmp_path / "clip.mp4").read_text() == "whole"


def test_an_entry_that_cannot_be_lent_is_a_miss_and_stays(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    video = StreamVideo(ArrayStream(np.zeros((5, 16, 16, 3), np.uint8), Fraction(12)))
    node().execute([video], [""], [True])
    (tmp_path / "full").write_text("a file where the folder should be")
    with monkeypatch.context() as patched:
        patched.setattr(folder_paths, "temp_directory", str(tmp_path / "full"))
        assert node().check_lazy_status([None], [""], [True]) == ["value"]
        assert node().execute([video], [""], [True]).args[0][0] is video
    assert "damaged" not in caplog.text and len(list(cache.rglob("*.mp4"))) == 1
    assert node().check_lazy_status([None], [""], [True]) == []


def test_refresh_makes_it_anew() -> None:
    old, new = torch.rand(1, 4, 4, 3), torch.rand(1, 4, 4, 3)
    node().execute([old], [""], [True])
    assert node().check_lazy_status([None], [""], [True], [True]) == ["value"]
    node().execute([new], [""], [True], [True])
    assert node().check_lazy_status([None], [""], [True]) == []
    assert torch.equal(node().execute([None], [""], [True]).args[0][0], new)


def test_room_is_made_within_the_settings(cache: Path) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    (cache.parent / "settings.json").write_text('{"cache_gigabytes": 0.000004}')
    for seed in range(4):
        node(seed).execute([torch.rand(1, 8, 16, 3)], [""], [True])
        time.sleep(0.02)
    kept = [node(seed).check_lazy_status([None], [""], [True]) == [] for seed in range(4)]
    assert kept == [False, False, True, True], "2 of 1.8 kB fit into 4 kB"


def test_a_video_for_which_there_is_no_room_passes_through(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    (cache.parent / "settings.json").write_text('{"cache_gigabytes": 0.000001}')
    frames = np.random.default_rng(0).integers(0, 256, (5, 17, 31, 3), np.uint8)
    output = node().execute([StreamVideo(ArrayStream(frames, Fraction(12)))], [""], [True])
    assert np.array_equal(np.concatenate(list(as_stream(output.args[0][0]).chunks())), frames)
    assert output.ui["frugal_cache"][0]["state"] == "not kept" and "do not fit into cache_gigabytes" in caplog.text


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", '{"cache_days": -1}', '{"unknown": 1}', '{"cache_remote": "here"}', '{"cache_folder": "relative"}'],
)
def test_bad_settings_are_not_used(cache: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    (cache.parent / "settings.json").write_text(text)
    node().execute([torch.rand(1, 4, 4, 3)], [""], [True])
    assert "settings.json is not used" in caplog.text
    assert list(cache.rglob("*.safetensors"))


def test_another_folder_is_used(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    (cache.parent / "settings.json").write_text(json.dumps({"cache_folder": str(tmp_path / "shared")}))
    node().execute([torch.rand(1, 4, 4, 3)], [""], [True])
    assert list((tmp_path / "shared").rglob("*.safetensors")) and not list(cache.rglob("*.safetensors"))


def test_a_file_that_is_replaced_while_the_value_is_made_does_not_get_the_credit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    clip = tmp_path / "clip.mp4"
    clip.write_text("old")
    run = node(seed="clip.mp4")
    assert run.check_lazy_status([None], [""], [True]) == ["value"]
    image = torch.rand(1, 4, 4, 3)
    clip.write_text("new one")
    assert run.check_lazy_status([image], [""], [True]) == ["value"]
    run.execute([image], [""], [True])
    assert node(seed="clip.mp4").check_lazy_status([None], [""], [True]) == ["value"]
    clip.write_text("old")
    assert node(seed="clip.mp4").check_lazy_status([None], [""], [True]) == []


def test_what_is_not_a_number_is_never_hit(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = torch.rand(1, 4, 4, 3)
    assert node(float("nan")).execute([image], [""], [True]).args == ([image],)
    assert node(float("nan")).check_lazy_status([None], [""], [True]) == ["value"]
    assert "not a number; it passes through" in caplog.text and not list(cache.rglob("*.safetensors"))


def test_machines_share_what_they_make(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    image = torch.rand(1, 4, 4, 3)
    for name, value in (("a", image), ("b", None)):
        settings = {"cache_folder": str(tmp_path / name), "cache_remote": (tmp_path / "shared").as_uri()}
        (cache.parent / "settings.json").write_text(json.dumps(settings))
        run = node()
        assert run.check_lazy_status([None], [""], [True]) == (["value"] if name == "a" else [])
        made = run.execute([value], [""], [True])
        for thread in threading.enumerate():
            if thread.name == THREAD:
                thread.join()
    assert torch.equal(made.args[0][0], image)
