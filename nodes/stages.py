"""The stages of the pack, found by their folders.

A stage is a folder beside this file whose ``node`` module names its nodes: ``NODES``, a tuple of ``FrugalNode``
classes. What else the pack must know of them stands on the classes.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec

from .host.frugal_node import FrugalNode
from .jobs.together import together

MENU = (
    "video",
    "pose",
    "masks",
    "motion",
    "interchange",
    "keyframes",
    "sampling",
    "upscaling",
    "interpolation",
    "compositing",
    "caching",
    "forecast",
    "economy",
    "jobs",
)
"""Stages in the order in which the editor lists their nodes: a clip's way through them. Others follow, by name."""


def pack_nodes() -> list[type[FrugalNode]]:
    """All node classes of the pack, in the order of the menu; behind them those that work for several jobs."""
    listed = sorted(_listed(), key=lambda entry: entry[0])
    nodes = [node_class for _, node_class in listed]
    return [*nodes, *(together(node_class) for node_class in nodes if node_class.BATCHED)]


def _listed() -> Iterator[tuple[tuple[int, bool], type[FrugalNode]]]:
    """Node classes, each behind its place: that of the stage it is listed with, and there behind that stage's own."""
    stages = _stages()
    for stage in stages:
        for node_class in _nodes_of(stage):
            is_guest = bool(node_class.LISTED_BEHIND)
            yield (stages.index(node_class.LISTED_BEHIND or stage), is_guest), node_class


def _stages() -> list[str]:
    found = sorted(folder.name for folder in pkgutil.iter_modules(import_module(__package__).__path__) if folder.ispkg)
    return [*(stage for stage in MENU if stage in found), *(stage for stage in found if stage not in MENU)]


def _nodes_of(stage: str) -> Sequence[type[FrugalNode]]:
    module = f"{__package__}.{stage}.node"
    return getattr(import_module(module), "NODES", ()) if find_spec(module) else ()
