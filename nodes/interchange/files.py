"""Motions as files: exact ones for this pack, and JSON that others read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import InputError
from ..motion.motion import Motion
from ..strict_json import to_json
from ..video.geometry import Region
from .keypoints import from_keypoints, to_keypoints

FOLDER = "motion"
"""Where motions are saved, inside ComfyUI's output folder, and looked for."""

VERSION = "1"
"""Of the .safetensors layout: ``keypoints`` as in ``Motion``, and everything else as text in the header."""

LARGEST = 1 << 30
"""Bytes; an hour of two people with hands at 30 frames/s is about 600 MB of JSON."""


def save_motion(motion: Motion, path: Path) -> None:
    """Write a motion; the suffix says how.

    ``.safetensors`` keeps every bit, the frame rate and the region. ``.json`` is a plain list of POSE_KEYPOINT
    frames as controlnet_aux writes it (fractions, found joints have confidence 1), with the frame rate beside every
    frame's canvas, where other packs do not look.

    The file appears under its name only once it is complete.

    Raises:
        InputError: another suffix.
        OSError: the file cannot be written.
    """
    writer = _WRITERS.get(path.suffix)
    if writer is None:
        raise InputError("format", repr(path.suffix), ", ".join(_WRITERS))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.part")
    try:
        writer(motion, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_motion(path: Path, frame_rate: Fraction = Fraction(12)) -> Motion:
    """Read a motion that ``save_motion`` or another pack has written.

    Args:
        path: ``.safetensors`` of ours, or ``.json`` of POSE_KEYPOINT.
        frame_rate: of a .json that does not say it.

    Raises:
        InputError: the file is damaged, too large, or something else.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError("file", repr(path.name), "a file that ends in " + " or ".join(_READERS))
    size = path.stat().st_size
    if size > LARGEST:
        raise InputError("file", f"{size / 1e9:.1f} GB in {path.name}", f"up to {LARGEST / 1e9:.1f} GB")
    return reader(path, frame_rate)


def _write_safetensors(motion: Motion, path: Path) -> None:
    fields = {
        "version": VERSION,
        "frame_rate": str(motion.frame_rate),
        "width": str(motion.width),
        "height": str(motion.height),
        "region": asdict(motion.region),
    }
    # A copy, because safetensors refuses read-only arrays.
    save_file({"keypoints": np.array(motion.keypoints)}, path, metadata={"frugal_motion": to_json(fields)})


def _read_safetensors(path: Path, _: Fraction) -> Motion:
    allowed = "a motion saved by Save Motion"
    try:
        with safe_open(path, framework="numpy") as file:
            fields = json.loads((file.metadata() or {})["frugal_motion"])
            keypoints = file.get_tensor("keypoints")
        version = fields["version"]
        rate, size = Fraction(fields["frame_rate"]), (int(fields["width"]), int(fields["height"]))
        region = Region(**fields["region"])
    except (SafetensorError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError("file", f"{path.name} ({_reason(error)})", allowed) from error
    if version != VERSION:
        raise InputError("file", f"{path.name} of version {version}", f"version {VERSION}", "Update the pack.")
    if keypoints.dtype != np.float32 or rate <= 0 or min(size) < 1:
        raise InputError("file", f"{path.name} ({keypoints.dtype}, {rate} frames/s, {size[0]} x {size[1]})", allowed)
    try:
        return Motion(keypoints, rate, *size, region)
    except ValueError as error:
        raise InputError("file", f"{path.name} ({error})", allowed) from error


def _write_json(motion: Motion, path: Path) -> None:
    path.write_text(to_json(to_keypoints(motion)), encoding="utf-8")


def _read_json(path: Path, frame_rate: Fraction) -> Motion:
    try:
        frames = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("file", f"{path.name} ({_reason(error)})", "a JSON list of POSE_KEYPOINT frames") from error
    try:
        return from_keypoints(frames, frame_rate)
    except InputError as error:
        raise InputError("file", f"{error.found} in {path.name}", error.allowed, error.remedy) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


_WRITERS: dict[str, Callable[[Motion, Path], None]] = {".safetensors": _write_safetensors, ".json": _write_json}
_READERS: dict[str, Callable[[Path, Fraction], Motion]] = {".safetensors": _read_safetensors, ".json": _read_json}

SUFFIXES = tuple(_READERS)
"""Of the files that can be read and written; the first keeps everything."""
