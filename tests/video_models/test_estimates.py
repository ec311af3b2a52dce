"""What the shipped workflows of video models are going to take, from their prompts and the headers of model files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import folder_paths
import pytest
from comfy_extras.nodes_mask import ImageCompositeMasked

from frugal_motion.nodes.forecast.walk import planned
from frugal_motion.nodes.forecast.workflow_estimate import EstimateOptions, workflow_estimate
from frugal_motion.tools.video_costs import full_size_models
from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..forecast.conftest import _classes
from . import nets
from .test_workflows import API, CHANGES, SHARED

__all__ = ["_classes"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    nets.write_all(folder)
    return folder


@pytest.fixture(autouse=True)
def _folders(assets: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NODE_CLASS_MAPPINGS, "ImageCompositeMasked", ImageCompositeMasked)  # as a server has it
    monkeypatch.setattr(ImageCompositeMasked, "RELATIVE_PYTHON_MODULE", "comfy_extras.nodes_mask", raising=False)
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    for folder in (*(assets / "models").iterdir(), *models.iterdir()):
        places = ([str(folder)], {".safetensors", ".ckpt", ".pth", ".task"})
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder.name, places)


def prompt(name: str, changes: dict[str, str]) -> dict[str, Any]:
    """A shipped workflow with other inputs, by ``Title.input``."""
    found: dict[str, Any] = json.loads((API / f"{name}.json").read_text(encoding="utf-8"))
    for node in found.values():
        title = node["_meta"]["title"]
        node["inputs"] |= {key: changes[f"{title}.{key}"] for key in node["inputs"] if f"{title}.{key}" in changes}
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_left_out(name: str) -> None:
    found = planned(prompt(name, SHARED | CHANGES[name]))
    assert not found.unknown
    work = found.work()
    assert {"sample video", "encode", "decode", "interpolate", "text"} <= work.keys()
    assert all(done.flops and math.isfinite(done.flops) for done in work.values()), work


def test_several_clips_take_as_much_as_each_alone() -> None:
    """Whether nodes take lists, or are run once for each of their items."""
    changes = SHARED | CHANGES["micro_batch_wan"]
    clips = ["one_person.mp4", "two_people.mp4"]
    alone, both = (
        planned(
            prompt(
                "micro_batch_wan",
                changes | {"Load Clips.files": "\n".join(some), "Prompts.text": "\n".join(["a robot"] * len(some))},
            )
        ).work()
        for some in (clips[:1], clips)
    )
    for stage in ("encode", "sample video", "decode", "interpolate"):
        assert both[stage].flops == pytest.approx(2 * alone[stage].flops), stage
        assert both[stage].frames == 2 * alone[stage].frames
    assert (alone["text"].frames, both["text"].frames) == (2, 3), "both prompts, and one more"


@pytest.mark.slow
def test_dollars_of_the_real_size_on_five_cards() -> None:
    """VACE with 14 billion weights, by the headers of its files."""
    changes = SHARED | {
        "Model.unet_name": "VACE 14B.safetensors",
        "Text Encoder.clip_name": "umt5.safetensors",
        "VAE.vae_name": "wan_2.1.safetensors",
    }
    with full_size_models():
        ours, many = (
            workflow_estimate(prompt("wan_vace_motion_edit", changes | more), EstimateOptions("L4"))
            for more in ({}, {"Sampler.steps": "30", "Sampler.cfg": "5"})
        )
    assert {"L4", "RTX 4090", "A100 80GB", "H100 SXM", "H200"} == {"L4", *(card.name for card in ours.cards)}
    assert ours.estimate.naive_seconds and ours.estimate.seconds
    assert ours.estimate.naive_seconds > 25 * ours.estimate.seconds, "50 steps with CFG against 4 without, at 16 fps"
    assert many.estimate.naive_seconds == pytest.approx(ours.estimate.naive_seconds, rel=0.01)
    by_words = {one.what: one for one in many.saves}
    assert by_words["a distilled LoRA at 4 steps and CFG 1"].seconds == pytest.approx(ours.estimate.seconds, rel=0.01)
    assert 1.07 < by_words["control until 0.5 (Control Range)"].times < 1.17
    savings = [one.name for one in ours.estimate.savings]
    assert savings[:2] == ["frame rate", "fewer steps"]
    difference = ours.estimate.naive_seconds - ours.estimate.seconds
    assert sum(one.seconds for one in ours.estimate.savings) == pytest.approx(difference)
