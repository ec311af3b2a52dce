"""The prompt as the cache and the report read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
import pytest

from frugal_motion.nodes.caching.digests import Digests
from frugal_motion.nodes.graph import upstream
from frugal_motion.nodes.host.prompt import declared, meaning
from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

PROMPT: dict[str, Any] = {
    "1": {"class_type": "A", "inputs": {"seed": 1}, "_meta": {"title": "First"}},
    "2": {"class_type": "B", "inputs": {"a": ["1", 0], "list": [1, 2]}},
    "3": {"class_type": "C", "inputs": {"b": ["2", 0], "a": ["1", 1], "gone": ["99", 0]}},
    "4": {"class_type": "D", "inputs": {"a": ["1", 0]}},
}


def test_upstream_comes_in_the_order_of_work() -> None:
    assert list(upstream(PROMPT, ["3"])) == ["1", "2", "3"]
    assert list(upstream(PROMPT, ["1"])) == ["1"]


def test_only_inputs_that_the_class_has_count() -> None:
    node = {"class_type": "EmptyImage", "inputs": {"width": 64, "preview": "state", "height": ["1", 0]}}
    assert declared(node)["inputs"] == {"width": 64, "height": ["1", 0]}
    unknown = {"class_type": "NotInstalled", "inputs": {"x": 1}}
    assert declared(unknown) == unknown


def test_newer_inputs_that_change_nothing_do_not_count(pack: list[Any]) -> None:
    before = {"frames": ["1", 0], "interp_model": ["2", 0], "frame_rate": 25.0}
    node = {"class_type": "FrugalInterpolate", "inputs": {**before, "way": "best"}}
    assert declared(node)["inputs"] == before
    node["inputs"]["way"] = "motion"
    assert declared(node)["inputs"]["way"] == "motion"
    node["inputs"] |= {"way": "best", "guide": ["3", 0]}
    assert declared(node)["inputs"] == {**before, "guide": ["3", 0]}
    plan = {"class_type": "FrugalPlanKeyframes", "inputs": {"every": 4, "between": "net"}}
    assert declared(plan)["inputs"] == {"every": 4}


class AnyName(dict[str, Any]):
    """Optional inputs as nodes with a free number of widgets declare them, such as rgthree's Power Lora Loader."""

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: str) -> Any:
        return ("*",)


@pytest.mark.parametrize(
    ("kinds", "attributes"),
    [
        ({"required": {"model": ("MODEL",)}, "optional": AnyName()}, {}),
        ({"hidden": {"lora_1": ("STRING",)}}, {}),
        ({}, {"ACCEPT_ALL_INPUTS": True}),
    ],
)
def test_inputs_that_the_class_takes_under_any_name_count(
    kinds: dict[str, Any], attributes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    node_class = type("PowerLora", (), {"INPUT_TYPES": classmethod(lambda _: kinds), **attributes})
    monkeypatch.setitem(NODE_CLASS_MAPPINGS, "PowerLora", node_class)
    node = {"class_type": "PowerLora", "inputs": {"model": ["1", 0], "lora_1": {"on": True, "strength": 0.2}}}
    assert declared(node) == node


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ComfyUI's input folder and some of its model folders."""
    for name in ("input", "vae", "loras", "embeddings", "diffusers"):
        (tmp_path / name).mkdir()
        if name != "input":
            monkeypatch.setitem(folder_paths.folder_names_and_paths, name, ([str(tmp_path / name)], set()))
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path / "input"))
    return tmp_path


def told(text: str) -> Any:
    return meaning(text, Path.read_text)


def test_a_text_that_names_a_file_means_its_content(folders: Path) -> None:
    (folders / "input" / "clip.mp4").write_text("clip")
    (folders / "vae" / "mine.safetensors").write_text("a vae")
    assert told("clip.mp4") == told("clip.mp4 [input]") == {"content": ["clip"]}
    assert told("mine.safetensors") == {"content": ["a vae"]}
    for text in ("", "vae", "no such file.mp4", "clip.mp4\n", "x" * 300, "clip.mp4 [output]", "\0"):
        assert told(text) == text


def test_of_files_with_the_same_name_each_counts(folders: Path) -> None:
    for name in ("vae", "loras"):
        (folders / name / "model.safetensors").write_text(name)
    assert told("model.safetensors") == {"content": ["loras", "vae"]}


@pytest.mark.parametrize("text", ["embedding:mine", "a cat, (embedding:mine:1.2), red", "x embedding:mine.pt, y"])
def test_embeddings_in_a_prompt_count(folders: Path, text: str) -> None:
    assert told(text) == text
    (folders / "embeddings" / "mine.pt").write_text("weights")
    assert told(text) == {"text": text, "content": ["weights"]}


def test_a_folder_that_is_named_means_what_is_in_it(folders: Path) -> None:
    (folders / "input" / "set" / "more").mkdir(parents=True)
    model = folders / "diffusers" / "mine"
    model.mkdir()
    keys = [told_of_folder(folders, name) for name in ("set", "mine")]
    for file in (folders / "input" / "set" / "more" / "a.png", model / "unet.safetensors"):
        for text in ("one", "two"):
            file.write_text(text)
            keys.append(told_of_folder(folders, "set" if file.suffix == ".png" else "mine"))
    file = file.rename(model / "vae.safetensors")
    keys.append(told_of_folder(folders, "mine"))
    assert len({str(key) for key in keys}) == 6, "two empty folders are the same, everything else is not"
    for text in (".", "..", "/", "vae"):
        assert told_of_folder(folders, text) == text


def told_of_folder(folders: Path, text: str) -> Any:
    return meaning(text, Digests(folders / "digests.json").of)
