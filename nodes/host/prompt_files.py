"""The input files that a prompt names, to be brought to another ComfyUI."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import folder_paths

from ..errors import InputError
from ..graph import Node, Prompt, chosen, constant, is_link
from ..video.stills import pictures_in
from .folders import input_clip
from .prompt import may_name_file, node_class_of

BROUGHT = "frugal-motion"
"""Folder in the input folder for files of other folders, which another ComfyUI does not have."""


def input_files_of(prompt: Prompt) -> tuple[Prompt, dict[str, Path]]:
    """A prompt as another ComfyUI runs it, and what must lie in that one's input folder.

    Files of ComfyUI's output and temp folders, such as ``clip.mp4 [output]``, are named as if they lay in the input
    folder; patterns and folders of clips become the clips that they mean now. What names no file stays as it is, and
    files outside of these three folders are never among them.

    Args:
        prompt: one that is accepted; it stays as it is.

    Returns:
        The prompt, and the files by their paths below the input folder, with ``/``. Of a folder of pictures, those.
    """
    files: dict[str, Path] = {}
    return {node_id: {**node, "inputs": _inputs(prompt, node, files)} for node_id, node in prompt.items()}, files


def _inputs(prompt: Prompt, node: Node, files: dict[str, Path]) -> dict[str, Any]:
    resolve = getattr(node_class_of(node), "resolved_inputs", dict)
    inputs = {}
    for name, value in node["inputs"].items():
        # A text may also be the constant of another node, which may need it as it is.
        text = constant(prompt.get, chosen(prompt.get, value))
        meant = _meant(resolve, name, text) if isinstance(text, str) else None
        if isinstance(meant, list):
            inputs[name] = "\n".join(_brought(line, files) for line in meant)
        else:
            inputs[name] = _with_texts(value, files)
    return inputs


def _meant(resolve: Callable[[dict[str, Any]], dict[str, Any]], name: str, text: str) -> Any:
    """What a text stands for: itself, or if a node takes lines and patterns of files, a list of those."""
    try:
        return resolve({name: text})[name]
    except InputError:  # the node will say it, if it runs
        return text


def _with_texts(value: Any, files: dict[str, Path]) -> Any:
    """A value with all names of files in it changed: some are lists, or parts of what an editor of pictures sends."""
    if isinstance(value, str):
        return _brought(value, files)
    if isinstance(value, Mapping):
        return {key: _with_texts(item, files) for key, item in value.items()}
    if isinstance(value, list) and not is_link(value):
        return [_with_texts(item, files) for item in value]
    return value


def _brought(text: str, files: dict[str, Path]) -> str:
    """The name of a file or folder of pictures in the input folder of another ComfyUI; any other text as it is.

    Args:
        files: gets it.
    """
    if not may_name_file(text):
        return text
    try:
        path = input_clip(text)
    except InputError:
        return text
    name = _name_of(path)
    if not name:
        return text
    if path.is_dir():
        files |= {f"{name}/{picture.name}": picture for picture in pictures_in(path)}
    else:
        files[name] = path
    return text if text.rstrip("/") == name else name


def _name_of(path: Path) -> str:
    """Below the input folder, or for a file elsewhere below ``BROUGHT``; empty for one of ComfyUI's folders itself."""
    folders = {
        "": folder_paths.get_input_directory(),
        f"{BROUGHT}/temp": folder_paths.get_temp_directory(),
        f"{BROUGHT}/output": folder_paths.get_output_directory(),
    }
    for name, folder in folders.items():
        root = Path(os.path.abspath(folder))
        if path == root:
            return ""
        if path.is_relative_to(root):
            return "/".join(filter(None, (name, path.relative_to(root).as_posix())))
    return ""
