"""The value on a FRUGAL_CROP wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..motion.motion import Motion
from ..storable import Storable
from ..video.geometry import Region

Corners: TypeAlias = npt.NDArray[np.float64]
"""Left and top of boxes in pixels ``(boxes, 2)``."""

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, eq=False)
class Crop(Storable):
    """Which part of each frame of a clip is cut out. Immutable.

    Attributes:
        corners: of the boxes, in pixels of the frame, one per frame; boxes lie inside the frame.
        box: width and height of all boxes, in pixels of the frame.
        frame: width and height of the clip's frames.
        size: width and height to which boxes are scaled.
        frame_rate: frames per second.
        region: what the clip's frames show of their file.
    """

    STORED_AS: ClassVar[str] = "crop"

    corners: Corners
    box: Size
    frame: Size
    size: Size
    frame_rate: Fraction
    region: Region

    def __post_init__(self) -> None:
        most = np.subtract(self.frame, self.box)
        if self.corners.ndim != 2 or self.corners.shape[1] != 2 or not len(self.corners):
            raise ValueError(f"corners: found shape {self.corners.shape}; allowed: (1 or more, 2)")
        if (self.corners < 0).any() or (self.corners > most).any():
            raise ValueError(f"corners: found boxes of {self.box} that stand out of a frame of {self.frame}")

    @property
    def frame_count(self) -> int:
        return len(self.corners)

    @property
    def share(self) -> float:
        """Of the frame's pixels, how many are in the box."""
        return self.box[0] * self.box[1] / (self.frame[0] * self.frame[1])

    @property
    def stands(self) -> bool:
        """Whether the box is in the same place in all frames."""
        return bool((self.corners == self.corners[0]).all())

    def corner_at(self, time: Fraction) -> Corners:
        """Where the box is at a time in seconds ``(2,)``: between two frames in between."""
        frame = float(min(max(time * self.frame_rate, Fraction(0)), Fraction(self.frame_count - 1)))
        before = int(frame)
        after = min(before + 1, self.frame_count - 1)
        share = frame - before
        return np.asarray((1 - share) * self.corners[before] + share * self.corners[after])

    def inside(self) -> Region:
        """What a cropped frame shows of the clip's file; of an unknown one where the box moves."""
        if not self.stands:
            return Region()
        shown, (left, top) = self.region, self.corners[0] / self.frame
        across, down = (side / whole for side, whole in zip(self.box, self.frame, strict=True))
        return replace(
            shown,
            left=shown.left + float(left) * shown.width,
            top=shown.top + float(top) * shown.height,
            width=shown.width * across,
            height=shown.height * down,
        )

    def motion(self, motion: Motion) -> Motion:
        """A motion of the clip in the places of cropped frames.

        Raises:
            InputError: it has another number of frames.
        """
        if motion.frame_count != self.frame_count:
            found, allowed = f"{motion.frame_count} frames", f"{self.frame_count}, as the clip has"
            raise InputError("motion", found, allowed, "A motion can be retimed behind the crop.")
        keypoints = np.array(motion.keypoints)
        corners = self.corners[:, None, None] / self.frame
        moved = (keypoints[..., :2] - corners) * np.divide(self.frame, self.box)
        keypoints[..., :2] = np.where(keypoints[..., 2:] > 0, moved, 0)
        width, height = self.size
        return replace(motion, keypoints=keypoints, width=width, height=height, region=self.inside())

    def to_fields(self) -> dict[str, Any]:
        """Content for the cache (see ``storable.Storable``)."""
        return {
            "corners": np.array(self.corners),
            "sizes": [*self.box, *self.frame, *self.size],
            "frame_rate": str(self.frame_rate),
            "region": asdict(self.region),
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Crop:
        """The crop that ``to_fields`` described."""
        sizes: Sequence[int] = fields["sizes"]
        box, frame, size = ((sizes[i], sizes[i + 1]) for i in (0, 2, 4))
        return cls(fields["corners"], box, frame, size, Fraction(fields["frame_rate"]), Region(**fields["region"]))
