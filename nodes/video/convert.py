"""Decoded pictures to upright, full-range RGB."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock

import av
import av.filter
import av.filter.context
import numpy as np
import numpy.typing as npt

from .geometry import Orientation, Placement
from .hdr import write_table
from .notes import Note
from .older_pyav import transfer_of
from .probe import HDR_TRANSFERS, UNKNOWN

# Matrix coefficients of ITU-T H.273, by the scale filter's names.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_FULL_RANGE = 2
_FLAGS = "bicubic+accurate_rnd+full_chroma_int"


class Converter:
    """Turns frames into RGB arrays ``(height, width, 3)`` through an FFmpeg filter graph.

    Colour follows the stream's tags. An untagged picture is taken for BT.709 if it is high definition and for BT.601
    otherwise, as players do. PQ and HLG are tone-mapped, see :mod:`.hdr`. What is transparent is shown on black: alpha
    is taken for straight, as cameras and editors write it.

    Args:
        transfer: characteristics of ITU-T H.273 of frames that do not tell their own.
    """

    def __init__(self, orientation: Orientation, placement: Placement, note: Note, transfer: int = UNKNOWN) -> None:
        self._orientation, self._placement, self._note = orientation, placement, note
        self._transfer = transfer
        self._graph: av.filter.Graph | None = None
        self._made_for: tuple[object, ...] = ()
        self._lock = Lock()

    def __call__(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        colour = frame.colorspace, frame.color_range, transfer_of(frame, self._transfer)
        kind = (frame.width, frame.height, frame.format.name, frame.interlaced_frame, *colour)
        with self._lock:
            if self._graph is None or kind != self._made_for:
                self._graph, self._made_for = self._make(frame), kind
            self._graph.vpush(frame)
            array: npt.NDArray[np.uint8] = self._graph.vpull().to_ndarray()  # type: ignore[assignment]
        return array

    def _make(self, frame: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        nodes = [
            graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
        ]
        if frame.interlaced_frame:
            self._note("interlaced", "it is interlaced: every second line is used, so that moving edges have no combs")
            nodes.append(graph.add("field", "type=top"))
        if _has_alpha(frame):
            nodes += [graph.add(name, options) for name, options in _opaque(frame)]
            nodes.append(graph.add("scale", **self._size()))
        else:
            nodes.append(graph.add("scale", **self._size(), **_colours(frame)))
        transfer = transfer_of(frame, self._transfer)
        if transfer in HDR_TRANSFERS:
            self._note("HDR", "it is HDR: brought to the brightness and colours of ordinary screens")
            nodes += [graph.add("format", "gbrp12"), _tone_mapping(graph, HDR_TRANSFERS[transfer])]
        nodes.append(graph.add("format", "rgb24"))
        nodes += [graph.add(name, options or None) for name, options in self._orientation.filters]
        scaled, output, (left, top) = self._placement.scaled, self._placement.output, self._placement.corner
        if scaled[0] > output[0] or scaled[1] > output[1]:
            nodes.append(graph.add("crop", f"{output[0]}:{output[1]}:{left}:{top}"))
        elif scaled != output:
            nodes.append(graph.add("pad", f"{output[0]}:{output[1]}:{-left}:{-top}"))
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph

    def _size(self) -> dict[str, str]:
        width, height = self._placement.scaled
        if self._orientation.swaps:
            width, height = height, width
        return {"w": str(width), "h": str(height), "flags": _FLAGS}


def _colours(frame: av.VideoFrame) -> dict[str, str]:
    """How the scale filter is to read a frame's colours."""
    if frame.format.is_rgb:
        return {}
    full = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
    matrix = _MATRICES.get(frame.colorspace, "bt709" if _is_high_definition(frame) else "bt601")
    return {"in_color_matrix": matrix, "in_range": "pc" if full else "tv", "out_range": "pc"}


def _is_high_definition(frame: av.VideoFrame) -> bool:
    """By the rule of mpv (mp_csp_guess_colorspace), whichever way the picture is turned."""
    return frame.width >= 1280 or frame.height > 576


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _opaque(frame: av.VideoFrame) -> list[tuple[str, str]]:
    """Filters that show a frame on black, at its own size: scaling would let hidden colours bleed into the edges."""
    # FFmpeg 8 loses halves of some lines from gbrap16 to gbrp16.
    with_alpha, without = ("gbrap16", "rgb48") if frame.format.components[0].bits > 8 else ("gbrap", "gbrp")
    colours = ":".join(f"{name}={value}" for name, value in _colours(frame).items())
    return [("scale", colours), ("format", with_alpha), ("premultiply", "inplace=1"), ("format", without)]


def _tone_mapping(graph: av.filter.Graph, transfer: str) -> av.filter.context.FilterContext:
    with tempfile.TemporaryDirectory() as folder:  # the filter reads the file when it is made
        table = Path(folder, "sdr.cube")
        write_table(transfer, table)
        return graph.add("lut3d", file=str(table), interp="tetrahedral")
