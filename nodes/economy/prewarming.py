"""The models of a workflow, without its work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InputError
from ..graph import in_order, is_link
from ..host.prompt import node_class_of

LOADABLE = frozenset({"MODEL", "CONTROL_NET", "CLIP", "VAE", "UPSCALE_MODEL", "INTERP_MODEL"})
"""Types on the wires that stand for weights."""


def prewarming(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt that loads what another one will need: its loaders and patches, with a Prewarm Models on each end.

    Node ids stay, so that ComfyUI finds the loaded models in its own cache when the real prompt comes.

    Raises:
        InputError: the workflow is none, or loads no models.
    """
    if not all(map(_is_node, prompt.values())):
        raise InputError("prompt", "something else", "a workflow in API form")
    kept: set[str] = set()
    for node_id in in_order(dict(prompt)):
        if _gives_models(prompt[node_id]) and all(source in kept for source, _ in _links(prompt[node_id])):
            kept.add(node_id)
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


def _is_node(node: Any) -> bool:
    is_object = isinstance(node, Mapping) and isinstance(node.get("inputs"), Mapping)
    return is_object and isinstance(node.get("class_type"), str)


def _gives_models(node: Mapping[str, Any]) -> bool:
    """Whether a node gives nothing but models."""
    kinds = getattr(node_class_of(node), "RETURN_TYPES", ())
    return bool(kinds) and all(isinstance(kind, str) and kind in LOADABLE for kind in kinds)  # a list is a choice


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
