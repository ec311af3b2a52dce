"""The Hash Cache node: hits, misses, and what must not stop a run."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch

from frugal_motion.nodes.caching import node as caching
from frugal_motion.nodes.caching.node import FrugalHashCache
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.video.stream import ArrayStream


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path))
    return tmp_path / "frugal-motion" / "cache"


def node(seed: int = 1) -> Any:
    """The node as ComfyUI calls it, behind an image made with ``seed``."""
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": seed}},
        "2": {"class_type": "FrugalHashCache", "inputs": {"value": ["1", 0], "motion_style": "", "enabled": True}},
    }
    clone = FrugalHashCache.PREPARE_CLASS_CLONE(None)
    clone.hidden = SimpleNamespace(unique_id="2", dynprompt=SimpleNamespace(get_node=prompt.__getitem__))
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
    assert node().execute(["x"], [""], [False]).args == (["x"],)
    assert node().check_lazy_status([None], [""], [False]) == ["value"]
    assert not list(cache.rglob("*.safetensors"))


def test_a_video_comes_back_bit_for_bit() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 17, 31, 3), np.uint8)
    video = StreamVideo(ArrayStream(frames, Fraction(24000, 1001)))
    for value in ([video], [None]):
        kept = as_stream(node().execute(value, [""], [True]).args[0][0])
        assert kept.info.frame_rate == Fraction(24000, 1001)
        assert np.array_equal(np.concatenate(list(kept.chunks())), frames)


def test_a_model_passes_through(caplog: pytest.LogCaptureFixture) -> None:
    model = torch.nn.Linear(1, 1)
    assert node().execute([model], [""], [True]).args == ([model],)
    assert "Linear cannot be cached; it passes through" in caplog.text


def test_a_full_disk_does_not_stop_the_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching, "save", full)
    video = StreamVideo(ArrayStream(np.zeros((2, 4, 4, 3), np.uint8), Fraction(12)))
    assert node().execute([video], [""], [True]).args == ([video],)
    assert "No space left on device; it passes through" in caplog.text
    assert not [path for path in cache.rglob("*") if path.is_file() and path.name != "digests.json"]


def test_a_damaged_entry_is_dropped_and_named(cache: Path) -> None:
    node().execute([torch.rand(1, 4, 4, 3)], [""], [True])
    entry = next(cache.rglob("*.safetensors"))
    entry.write_bytes(b"\xff" * entry.stat().st_size)
    with pytest.raises(InputError, match="damaged cache entry"):
        node().execute([None], [""], [True])
    assert node().check_lazy_status([None], [""], [True]) == ["value"]
