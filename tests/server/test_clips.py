"""How long the clips of a job are, before it is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.server.clips import clip_sizes
from frugal_motion.nodes.video.node import FrugalLoadClips, FrugalLoadVideo
from nodes import NODE_CLASS_MAPPINGS


@pytest.fixture(autouse=True)
def _folders(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    for node_class in (FrugalLoadVideo, FrugalLoadClips):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.__name__, node_class)


def prompt(value: Any, loader: str = "FrugalLoadVideo", **inputs: Any) -> dict[str, Any]:
    """Load a clip, with a node beside it that holds a value."""
    name = "file" if loader == "FrugalLoadVideo" else "files"
    return {
        "1": {"class_type": loader, "inputs": {name: "one_person.mp4", "size": "384", **inputs}},
        "2": {"class_type": "PrimitiveFloat", "inputs": {"value": value}},
        "3": {"class_type": "Sum", "inputs": {"a": ["2", 0], "b": ["2", 0]}},
    }


@pytest.mark.parametrize("loader", ["FrugalLoadVideo", "FrugalLoadClips"])
def test_a_limit_holds_for_wired_values_too(loader: str) -> None:
    assert clip_sizes(prompt(0.4, loader, duration=["2", 0]), 0.5) == clip_sizes(prompt(0, loader, duration=0.4), 0)
    with pytest.raises(InputError, match=r"duration: found 1\.0 s"):
        clip_sizes(prompt(1.0, loader, duration=["2", 0]), 0.5)


@pytest.mark.parametrize("name", ["duration", "start"])
def test_a_length_that_nobody_knows_is_refused_where_there_is_a_limit(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: found a wire from Sum"):
        clip_sizes(prompt(1.0, **{name: ["3", 0]}), 0.5)
    assert clip_sizes(prompt(1.0, **{name: ["3", 0]}), 0) == []


def test_a_size_that_nobody_knows_is_none_of_it() -> None:
    assert clip_sizes(prompt(1.0, duration=0.4, width=["3", 0]), 0.5) == []
    with pytest.raises(InputError, match="duration"):
        clip_sizes(prompt(1.0, duration=1, width=["3", 0]), 0.5)


def test_a_text_for_a_number_is_refused() -> None:
    with pytest.raises(InputError, match="Load"):
        clip_sizes(prompt("long", duration=["2", 0]), 0.5)
