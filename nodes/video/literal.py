"""Paths as FFmpeg takes them when every character is to stand for itself.

Without this ``a:b.mp4`` is a protocol, ``take %d.png`` a sequence and ``concat:a|b.mp4`` two files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

READ_OPTIONS: Mapping[str, str] = {"protocol_whitelist": "file,subfile", "pattern_type": "none"}
"""Read this one file: a playlist in disguise must not lead to the network, nor a name of a picture to others."""


def literal(path: Path) -> str:
    """The name under which FFmpeg opens a file, whatever the file is called."""
    return f"file:{path.absolute()}"


def part(path: Path, position: int) -> str:
    """The name under which FFmpeg opens what a file holds from a byte on."""
    return f"subfile,,start,{position},end,0,,:{literal(path)}"


def numbered(folder: Path, name: str) -> str:
    """The name under which FFmpeg writes files into a folder, of which ``name`` has a place for a number (``%06d``)."""
    return f"{literal(folder)}/".replace("%", "%%") + name
