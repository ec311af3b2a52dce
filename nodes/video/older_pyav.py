"""What PyAV before 19 does not tell, or names otherwise: ComfyUI runs with 14.2 too, which stays as it is."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

import av
import av.error
from av.sidedata.sidedata import SideData

InvalidArgument: Any = av.error.classes[errno.EINVAL]
"""What FFmpeg's EINVAL is raised as: ``ArgumentError`` since 17, ``ValueError`` before."""

LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
"""For ``av.open``: texts that are no UTF-8 do not keep a file from being read, which 19 need not be told."""


def transfer_of(frame: av.VideoFrame, otherwise: int) -> int:
    """A frame's transfer characteristics (ITU-T H.273), which it tells since 17; ``otherwise`` before."""
    return int(getattr(frame, "color_trc", otherwise))


def index_entries(stream: Any) -> Sequence[Any]:
    """The index of a track, known since 17; empty where there is none."""
    return getattr(stream, "index_entries", ())


def is_encrypted(packet: av.Packet[Any]) -> bool:
    """Whether a packet can be read only with a key, which it tells since 16; before, decoding it fails."""
    return hasattr(packet, "has_sidedata") and packet.has_sidedata("encryption_info")


def side_data_of(frame: av.VideoFrame) -> list[Any]:
    """What FFmpeg tells of a frame besides. Before 19 this mapping iterates over its values."""
    sides: Any = frame.side_data
    return [one if isinstance(one, SideData) else sides[one] for one in sides]
