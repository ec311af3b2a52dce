"""What changes a key, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from frugal_motion.nodes.caching.signature import Signer, Unsignable

CONTENT = {"clip.mp4": "aaaa", "same.mp4": "aaaa", "other.mp4": "bbbb"}


def graph(**changes: Any) -> dict[str, Any]:
    sampler = {"latent": ["1", 0], "seed": 7, "cfg": 4.5, "text": "a robot", **changes}
    load = {"file": sampler.pop("file", "clip.mp4"), "start": sampler.pop("start", 0)}
    return {
        "1": {"class_type": "Load", "inputs": load, "_meta": {"title": "A clip"}},
        "2": {"class_type": sampler.pop("kind", "Sample"), "inputs": sampler},
    }


def key(prompt: dict[str, Any], wire: Any = ("2", 0), *more: Any) -> str:
    return Signer(prompt.__getitem__, lambda text: CONTENT.get(text, text)).sign(list(wire), *more)


def renumbered(prompt: dict[str, Any]) -> dict[str, Any]:
    sampler = {**prompt["2"], "inputs": {**prompt["2"]["inputs"], "latent": ["77", 0]}}
    return {"88": {**sampler, "_meta": {"title": "Renamed"}}, "77": prompt["1"]}


def test_ids_titles_order_and_file_names_do_not_count() -> None:
    assert key(renumbered(graph()), ("88", 0)) == key(graph())
    assert key(graph(file="same.mp4")) == key(graph())
    assert key(graph(start=0.0)) == key(graph(start=0))
    assert key(dict(reversed(graph().items()))) == key(graph())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"cfg": 4.6},
        {"text": "a ghost"},
        {"file": "other.mp4"},
        {"start": 1},
        {"kind": "Other"},
        {"latent": ["1", 1]},
    ],
)
def test_everything_else_does(change: dict[str, Any]) -> None:
    assert key(graph(**change)) != key(graph())


def test_the_output_and_the_style_text_count() -> None:
    assert key(graph(), ("2", 1)) != key(graph())
    assert key(graph(), ("2", 0), ["calm"]) != key(graph(), ("2", 0), ["robotic"])


def test_text_and_number_are_not_alike() -> None:
    assert key(graph(seed="7")) != key(graph(seed=7))


def test_what_is_not_a_number_has_no_key() -> None:
    with pytest.raises(Unsignable):
        key(graph(cfg=float("nan")))
    assert key(graph(cfg=float("inf"))) != key(graph(cfg=1))
