"""The clips that a job wants edited, looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError
from ..host.folders import VIDEO_SUFFIXES, input_file, input_files
from ..host.prompt import known_inputs
from ..jobs.prompt import Node, Prompt, title
from ..video.decode import FileStream
from ..video.node import decode_settings


def clip_sizes(prompt: Prompt, longest: float) -> list[str]:
    """How large the clips come out of the nodes that load them, such as ``"512x288"``.

    Args:
        longest: seconds of a clip that are allowed; 0 for any.

    Raises:
        InputError: names a clip that is not there, cannot be read or is too long.
    """
    return [
        size
        for node_id, node in sorted(prompt.items())
        if node["class_type"] in _FILES
        for size in _sizes(node, title(prompt, node_id), longest)
    ]


_FILES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "FrugalLoadVideo": lambda inputs: [inputs["file"]],
    "FrugalLoadClips": lambda inputs: input_files(inputs["files"], VIDEO_SUFFIXES),
}
"""The files that nodes of a class load."""


def _sizes(node: Node, name: str, longest: float) -> list[str]:
    inputs = known_inputs(node)
    if any(isinstance(value, list) for value in inputs.values()):  # from other nodes: nobody knows yet
        return []
    settings = {key: value for key, value in inputs.items() if key not in ("file", "files")}
    try:
        return [_size(file, settings, longest) for file in _FILES[node["class_type"]](inputs)]
    except InputError as error:
        raise InputError(f"{name}.{error.name}", error.found, error.allowed, error.remedy) from error


def _size(file: str, settings: Mapping[str, Any], longest: float) -> str:
    info = FileStream(input_file(file), decode_settings(**settings), lambda _topic, _text: None).info
    if longest and info.duration > longest:
        raise InputError("duration", f"{float(info.duration):.1f} s", f"at most {longest:g} s")
    return f"{info.width}x{info.height}"
