"""The models of a workflow, without its work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..caching.signature import is_link
from ..errors import InputError

LOADABLE = frozenset({"MODEL", "CONTROL_NET", "CLIP", "VAE", "UPSCALE_MODEL", "INTERP_MODEL"})
"""Types on the wires that stand for weights."""


def prewarming(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt that loads what another one will need: its loaders and patches, with a Prewarm Models on each end.

    Node ids stay, so that ComfyUI finds the loaded models in its own cache when the real prompt comes.

    Raises:
        InputError: the workflow is none, or loads no models.
    """
    if not all(isinstance(node, Mapping) and isinstance(node.get("inputs"), Mapping) for node in prompt.values()):
        raise InputError("prompt", "something else", "a workflow in API form")
    kept = {node_id for node_id in prompt if _only_loads(prompt, node_id, frozenset())}
    ends = {
        (source, slot)
        for node_id, node in prompt.items()
        for source, slot in _links(node)
        if node_id not in kept and source in kept
    }
    if not ends:
        raise InputError("prompt", "no node that loads a model", "a workflow with a checkpoint or another model")
    loading: dict[str, Any] = {node_id: prompt[node_id] for node_id in kept}
    for source, slot in sorted(ends):
        loading[f"prewarm {source} {slot}"] = {"class_type": "FrugalPrewarm", "inputs": {"model": [source, slot]}}
    return loading


def _only_loads(prompt: Mapping[str, Any], node_id: str, above: frozenset[str]) -> bool:
    """Whether a node, and all in front of it, gives nothing but models."""
    node_class = NODE_CLASS_MAPPINGS.get(prompt[node_id].get("class_type"))
    kinds = getattr(node_class, "RETURN_TYPES", ())
    if not kinds or not LOADABLE.issuperset(kinds) or node_id in above:
        return False
    sources = {source for source, _ in _links(prompt[node_id])}
    return all(source in prompt and _only_loads(prompt, source, above | {node_id}) for source in sources)


def _links(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for value in node["inputs"].values():
        if is_link(value):
            yield value[0], value[1]


def patchers(model: Any) -> list[Any]:
    """What ComfyUI's model management loads of a MODEL, CONTROL_NET, CLIP, VAE or INTERP_MODEL; nothing of others."""
    if hasattr(model, "get_models"):  # a ControlNet, with those chained before it
        return list(model.get_models())
    patcher = getattr(model, "patcher", model)  # of CLIP and VAE
    return [patcher] if hasattr(patcher, "model_size") else []
