"""The clips that a job wants edited, looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError
from ..forecast.workflow import Workflow
from ..graph import Prompt
from ..host.folders import VIDEO_SUFFIXES, input_clip, input_files
from ..host.prompt import known_inputs
from ..video.clip import open_clip
from ..video.decode_settings import decode_settings


def clip_sizes(prompt: Prompt, longest: float) -> list[str]:
    """How large the clips come out of the nodes that load them, such as ``"512x288"``.

    Args:
        longest: seconds of a clip that are allowed; 0 for any.

    Raises:
        InputError: names a clip that is not there, cannot be read or is too long, or of which nobody can say how long
            it is before the run.
    """
    flow = Workflow(prompt)
    return [size for node_id in sorted(flow.ids(*_FILES)) for size in _sizes(flow, node_id, longest)]


_FILES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "FrugalLoadVideo": lambda inputs: [inputs["file"]],
    "FrugalLoadClips": lambda inputs: input_files(inputs["files"], VIDEO_SUFFIXES),
}
"""The files that nodes of a class load."""


_LENGTH = frozenset({"file", "files", "start", "duration"})
"""Inputs by which a clip may become too long."""


def _sizes(flow: Workflow, node_id: str, longest: float) -> list[str]:
    inputs: dict[str, Any] = {}
    wired: list[str] = []  # to other nodes: nobody knows their values yet
    try:
        for name in known_inputs(flow.prompt[node_id]):
            try:
                inputs[name] = flow.value(node_id, name)
            except InputError as error:
                if longest and name in _LENGTH:
                    raise InputError(name, error.found, error.allowed) from error
                wired.append(name)
        if wired and not longest:
            return []
        settings = {key: value for key, value in inputs.items() if key not in ("file", "files")}
        sizes = [_size(file, settings, longest) for file in _FILES[flow.kind(node_id)](inputs)]
    except InputError as error:
        raise InputError(f"{flow.title(node_id)}.{error.name}", error.found, error.allowed, error.remedy) from error
    except (AttributeError, TypeError, ValueError) as error:  # a text that another node makes a number of
        raise InputError(flow.title(node_id), str(error), "values that are known before the run") from error
    return [] if wired else sizes


def _size(file: str, settings: Mapping[str, Any], longest: float) -> str:
    info = open_clip(input_clip(file), decode_settings(**settings), lambda _topic, _text: None).info
    if longest and info.duration > longest:
        raise InputError("duration", f"{float(info.duration):.1f} s", f"at most {longest:g} s")
    return f"{info.width}x{info.height}"
