"""The prompt as the cache and the report read it."""

from __future__ import annotations

from typing import Any

from frugal_motion.nodes.host.prompt import declared, title, upstream

PROMPT: dict[str, Any] = {
    "1": {"class_type": "A", "inputs": {"seed": 1}, "_meta": {"title": "First"}},
    "2": {"class_type": "B", "inputs": {"a": ["1", 0], "list": [1, 2]}},
    "3": {"class_type": "C", "inputs": {"b": ["2", 0], "a": ["1", 1], "gone": ["99", 0]}},
    "4": {"class_type": "D", "inputs": {"a": ["1", 0]}},
}


def test_upstream_comes_in_the_order_of_work() -> None:
    assert list(upstream(PROMPT, "3")) == ["1", "2"]
    assert list(upstream(PROMPT, "1")) == []


def test_a_title_or_else_the_class() -> None:
    assert (title(PROMPT, "1"), title(PROMPT, "2")) == ("First", "B")


def test_only_inputs_that_the_class_has_count() -> None:
    node = {"class_type": "EmptyImage", "inputs": {"width": 64, "preview": "state", "height": ["1", 0]}}
    assert declared(node)["inputs"] == {"width": 64, "height": ["1", 0]}
    unknown = {"class_type": "NotInstalled", "inputs": {"x": 1}}
    assert declared(unknown) == unknown
