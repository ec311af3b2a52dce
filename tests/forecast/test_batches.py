"""What several requests to a sampler will take."""

from __future__ import annotations

from typing import Any

import folder_paths
import pytest

from .test_core_nodes import planned, stock, without_picture
from .test_model_work import DEMO


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("checkpoints", "controlnet"):
        found = ([str(DEMO)], {".safetensors", ".ckpt"})
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder, found)


def lines(prompt: dict[str, Any], count: int) -> dict[str, Any]:
    """A graph with a prompt for each of several requests."""
    prompt["20"] = {"class_type": "FrugalTextLines", "inputs": {"text": "\n".join(["a robot"] * count)}}
    prompt["3"]["inputs"]["text"] = ["20", 0]
    prompt["8"]["class_type"] = "FrugalBatchSampler"
    prompt["8"]["inputs"] |= {"positive": ["3", 0], "negative": ["4", 0]}
    return prompt


def test_three_requests_take_three_times_what_one_takes() -> None:
    one, three = (planned(lines(without_picture(stock()), count)).work() for count in (1, 3))
    for stage in ("sample", "decode"):
        assert three[stage].flops == pytest.approx(3 * one[stage].flops) and one[stage].flops > 0
    assert one["decode"].flops == planned(without_picture(stock())).work()["decode"].flops


def test_a_second_sampler_is_given_as_many_latents_as_there_are() -> None:
    prompt = lines(without_picture(stock(steps=4)), 2)
    once = planned(prompt).work()["sample"].flops
    prompt["30"] = {**prompt["8"], "inputs": {**prompt["8"]["inputs"], "latent_image": ["8", 0]}}
    prompt["9"]["inputs"]["samples"] = ["30", 0]
    assert planned(prompt).work()["sample"].flops == pytest.approx(2 * once)
