"""Which part of a workflow loads its models."""

from __future__ import annotations

from typing import Any

import pytest

from frugal_motion.nodes.economy.prewarming import prewarming
from frugal_motion.nodes.errors import InputError
from nodes import NODE_CLASS_MAPPINGS


class Merge:
    """As ModelMergeSimple."""

    RETURN_TYPES = ("MODEL",)


def ladder(levels: int) -> dict[str, Any]:
    """Both models of a level are made of both of the one before."""
    prompt: dict[str, Any] = {f"{side}0": {"class_type": "UNETLoader", "inputs": {}} for side in "ab"}
    for level in range(1, levels + 1):
        inputs = {"model1": [f"a{level - 1}", 0], "model2": [f"b{level - 1}", 0]}
        prompt |= {f"{side}{level}": {"class_type": "Merge", "inputs": inputs} for side in "ab"}
    return {**prompt, "k": {"class_type": "KSampler", "inputs": {"model": [f"a{levels}", 0], "latent": ["l", 0]}},
            "l": {"class_type": "EmptyLatentImage", "inputs": {}}}  # fmt: skip


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    class Counting(dict[str, Any]):
        def get(self, name: str, *default: Any) -> Any:
            names.append(name)
            assert len(names) < 1000, "the work doubles with every level"
            return super().get(name, *default)

    monkeypatch.setattr("frugal_motion.nodes.host.prompt.NODE_CLASS_MAPPINGS", known := Counting(NODE_CLASS_MAPPINGS))
    known["Merge"] = Merge
    return names


def test_every_node_is_looked_at_once(asked: list[str]) -> None:
    prompt = ladder(20)
    found = prewarming(prompt)
    assert found.keys() == prompt.keys() - {"k", "l"} | {"prewarm a20 0"}
    assert len(asked) == len(prompt)


def test_a_node_that_gives_a_choice_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Merge, "RETURN_TYPES", ("MODEL", ["euler", "dpmpp_2m"]))
    assert prewarming(ladder(1)).keys() == {"a0", "b0", "prewarm a0 0", "prewarm b0 0"}


@pytest.mark.parametrize(
    "node",
    [
        {"class_type": [], "inputs": {}},
        {"inputs": {}},
        {"class_type": "KSampler", "inputs": {"model": ["none", 0]}},
        {"class_type": "Merge", "inputs": {"model1": ["x", 0]}},
    ],
)
def test_what_is_no_workflow_is_refused(node: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        prewarming({**ladder(1), "x": node})
