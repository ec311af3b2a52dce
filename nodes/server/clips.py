"""The clips that a job wants edited, looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..host.folders import input_file
from ..jobs.prompt import Prompt, title
from ..video.decode import FileStream
from ..video.node import FrugalLoadVideo, decode_settings


def clip_sizes(prompt: Prompt, longest: float) -> list[str]:
    """How large the clips come out of the nodes that load them, such as ``"512x288"``.

    Args:
        longest: seconds of a clip that are allowed; 0 for any.

    Raises:
        InputError: names a clip that is not there, cannot be read or is too long.
    """
    loader = FrugalLoadVideo.define_schema().node_id
    return [
        _size(node["inputs"], title(prompt, node_id), longest)
        for node_id, node in sorted(prompt.items())
        if node["class_type"] == loader
    ]


def _size(inputs: Mapping[str, Any], name: str, longest: float) -> str:
    if any(isinstance(value, list) for value in inputs.values()):  # from other nodes: nobody knows yet
        return ""
    file, settings = inputs["file"], {key: value for key, value in inputs.items() if key != "file"}
    try:
        info = FileStream(input_file(file), decode_settings(**settings), lambda _topic, _text: None).info
    except InputError as error:
        raise InputError(f"{name}.{error.name}", error.found, error.allowed, error.remedy) from error
    if longest and info.duration > longest:
        raise InputError(f"{name}.duration", f"{float(info.duration):.1f} s", f"at most {longest:g} s")
    return f"{info.width}x{info.height}"
