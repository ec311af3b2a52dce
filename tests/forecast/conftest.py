"""Estimates ask the classes of a workflow's nodes, as a server has them."""

from __future__ import annotations

import asyncio

import pytest

from frugal_motion import FrugalMotion
from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _classes(monkeypatch: pytest.MonkeyPatch) -> None:
    for node_class in asyncio.run(FrugalMotion().get_node_list()):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.__name__, node_class)
