"""What a prompt will need of the processor, done before its run while another one samples."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..graph import Node, Prompt, in_order, is_link, upstream, without_switches
from ..host.background import background_work
from ..host.frugal_node import FrugalNode, frugal_class
from ..host.prompt import known_inputs
from ..host.settings import settings

logger = logging.getLogger(__name__)


def precompute(prompt: Prompt) -> None:
    """Execute the nodes whose results the cache keeps, and those in front of them.

    What they give is thrown away: the run finds it in the cache. Only ``PRECOMPUTABLE`` nodes take part; what is behind
    another node, or behind one that fails, is left to the run, which says what is wrong.

    Args:
        prompt: in API form, with the values that ComfyUI has made of it when it was accepted.
    """
    if not settings().cache_automatic:
        return
    prompt = without_switches(prompt)
    with background_work():
        made: dict[str, tuple[Any, ...]] = {}
        wanted = set(upstream(prompt, [node_id for node_id, node in prompt.items() if _is_memoized(node)]))
        for node_id in in_order(prompt):
            node_class = _precomputable(prompt[node_id])
            if node_class is None or node_id not in wanted:
                continue
            try:
                made[node_id] = node_class.execute(**_inputs(prompt[node_id], made)).args
            except Exception:
                logger.debug("node %s is left to the run", node_id, exc_info=True)


def _precomputable(node: Node) -> type[FrugalNode] | None:
    """The class of a node that may be executed before its run; ``None`` for any other."""
    node_class = frugal_class(node["class_type"])
    return node_class if node_class is not None and node_class.PRECOMPUTABLE else None


def _is_memoized(node: Node) -> bool:
    node_class = _precomputable(node)
    return node_class is not None and node_class.MEMOIZED


def _inputs(node: Node, made: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """What a node is executed with.

    Raises:
        LookupError: some of it has not been made.
    """
    given = known_inputs(node).items()
    return {name: made[value[0]][value[1]] if is_link(value) else value for name, value in given}
