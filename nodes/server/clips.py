"""The clips that a job wants edited, looked at before it is accepted."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..forecast.workflow import Workflow
from ..graph import Prompt
from ..host.frugal_node import FrugalNode, frugal_class
from ..host.prompt import known_inputs
from ..video.stream import VideoInfo


def clip_sizes(prompt: Prompt, longest: float) -> list[str]:
    """How large the clips come out of the nodes that load them, such as ``"512x288"``.

    Args:
        longest: seconds of a clip that are allowed; 0 for any.

    Raises:
        InputError: names a clip that is not there, cannot be read or is too long, or of which nobody can say how long
            it is before the run.
    """
    flow = Workflow(prompt)
    loaders = {node_id: frugal_class(flow.kind(node_id)) for node_id in sorted(flow.prompt)}
    return [
        size
        for node_id, loader in loaders.items()
        if loader is not None and loader.CLIP_INPUTS
        for size in _sizes(flow, node_id, loader, longest)
    ]


def _sizes(flow: Workflow, node_id: str, loader: type[FrugalNode], longest: float) -> list[str]:
    inputs: dict[str, Any] = {}
    wired: list[str] = []  # to other nodes: nobody knows their values yet
    try:
        for name in known_inputs(flow.prompt[node_id]):
            try:
                inputs[name] = flow.value(node_id, name)
            except InputError as error:
                if longest and name in loader.CLIP_INPUTS:
                    raise InputError(name, error.found, error.allowed) from error
                wired.append(name)
        if wired and not longest:
            return []
        sizes = [_size(clip, longest) for clip in loader.clips_to_load(inputs)]
    except InputError as error:
        raise InputError(f"{flow.title(node_id)}.{error.name}", error.found, error.allowed, error.remedy) from error
    except (AttributeError, TypeError, ValueError) as error:  # a text that another node makes a number of
        raise InputError(flow.title(node_id), str(error), "values that are known before the run") from error
    return [] if wired else sizes


def _size(clip: VideoInfo, longest: float) -> str:
    if longest and clip.duration > longest:
        raise InputError("duration", f"{float(clip.duration):.1f} s", f"at most {longest:g} s")
    return f"{clip.width}x{clip.height}"
