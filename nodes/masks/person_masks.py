"""The masks of people through a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from ..motion.motion import ALL, chosen
from ..opencv import cv2
from ..storable import Storable
from ..video.geometry import Region
from ..video.stream import VideoInfo

Mask: TypeAlias = npt.NDArray[np.uint8]
"""How much of each pixel somebody has, 0..255 ``(height, width)``."""


@dataclass(frozen=True, eq=False)
class PersonMasks(Storable):
    """How much of every pixel is which person, in each frame of a clip. Immutable.

    Attributes:
        info: of the clip.
        packed: a grey PNG by frame and person; empty where that person was not seen.
    """

    STORED_AS: ClassVar[str] = "person_masks"

    info: VideoInfo
    packed: Sequence[Sequence[bytes]]

    def __post_init__(self) -> None:
        if len(self.packed) != self.info.frame_count:
            raise ValueError(f"masks: found {len(self.packed)} frames; allowed: {self.info.frame_count}")

    @property
    def people(self) -> int:
        return max((len(frame) for frame in self.packed), default=0)

    def mask(self, frame: int, person: int = ALL) -> Mask:
        """Of a frame; nothing where the person was not seen.

        Args:
            frame: its number.
            person: as in the motion, from 0; or ``ALL``.
        """
        found = np.zeros((self.info.height, self.info.width), np.uint8)
        for packed in filter(None, self.packed[frame][chosen(person)]):
            np.maximum(found, unpacked(packed), out=found)
        return found

    def is_seen(self, frame: int, person: int = ALL) -> bool:
        """Whether there is a mask of them."""
        return any(self.packed[frame][chosen(person)])

    def to_fields(self) -> dict[str, Any]:
        """Content for the cache (see ``storable.Storable``)."""
        every = [packed for frame in self.packed for packed in frame]
        return {
            "bytes": np.frombuffer(b"".join(every), np.uint8).copy(),
            "lengths": np.array([len(packed) for packed in every], np.int64),
            "people": [len(frame) for frame in self.packed],
            "frame_rate": str(self.info.frame_rate),
            "size": [self.info.width, self.info.height],
            "region": asdict(self.info.region),
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> PersonMasks:
        """The masks that ``to_fields`` described."""
        content = fields["bytes"].tobytes()
        bounds = [0, *accumulate(int(length) for length in fields["lengths"])]
        every = iter([content[first:last] for first, last in pairwise(bounds)])
        packed = [[next(every) for _ in range(count)] for count in fields["people"]]
        width, height = fields["size"]
        info = VideoInfo(width, height, Fraction(fields["frame_rate"]), len(packed), Region(**fields["region"]))
        return cls(info, packed)


def packed(mask: Mask) -> bytes:
    """A mask as PNG."""
    return cv2.imencode(".png", mask)[1].tobytes()


def unpacked(content: bytes) -> Mask:
    """The mask that a PNG holds."""
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
