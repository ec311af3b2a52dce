"""The value on a FRUGAL_MOTION wire."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from ..storable import Storable
from ..video.geometry import WHOLE, Region

Keypoints: TypeAlias = npt.NDArray[np.float32]

BODY_JOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose-18 (COCO) order; left and right are the person's own."""

ALL = -1
"""Everybody, where one of the people could be meant."""

HAND_JOINTS = 21
"""Joints per hand, wrist first, thumb to little finger (OpenPose and MediaPipe agree)."""


def chosen(person: int) -> slice:
    """The places of who is meant among people: one from 0 on, or ``ALL``; of one who is not there, nobody's."""
    return slice(None) if person == ALL else slice(person, person + 1)


@dataclass(frozen=True, eq=False)
class Motion(Storable):
    """People's keypoints over time. Immutable: every edit makes a new one.

    Attributes:
        keypoints: float32 ``(frames, people, joints, 3)``: x and y as fractions of the frame's width and
            height (0..1 inside the frame), and a confidence 0..1. Confidence 0 means the joint is missing
            and its x, y are 0. ``joints`` is 18 (body) or 60 (body, left hand, right hand).
        frame_rate: frames per second.
        width, height: size in pixels of the frame that the fractions refer to.
        region: what that frame shows of the clip it was made of.
    """

    STORED_AS: ClassVar[str] = "motion"

    keypoints: Keypoints
    frame_rate: Fraction
    width: int
    height: int
    region: Region = WHOLE

    def __post_init__(self) -> None:
        shape = self.keypoints.shape
        joints = (len(BODY_JOINTS), len(BODY_JOINTS) + 2 * HAND_JOINTS)
        if len(shape) != 4 or shape[2] not in joints or shape[3] != 3:
            raise ValueError(f"keypoints: found shape {shape}; allowed: (frames, people, 18 or 60, 3)")
        if not np.isfinite(self.keypoints).all():
            raise ValueError("keypoints: found NaN or infinity; allowed: finite numbers (confidence 0 marks a gap)")
        frozen = np.ascontiguousarray(self.keypoints, np.float32)
        if frozen is self.keypoints:
            frozen = frozen.copy()
        frozen.setflags(write=False)
        object.__setattr__(self, "keypoints", frozen)

    @property
    def frame_count(self) -> int:
        return int(self.keypoints.shape[0])

    @property
    def people(self) -> int:
        return int(self.keypoints.shape[1])

    @property
    def coverage(self) -> float:
        """Share of frames 0..1 in which at least one joint of anyone was found."""
        if self.frame_count == 0:
            return 0.0
        return float((self.keypoints[..., 2] > 0).any(axis=(1, 2)).mean())

    def with_keypoints(self, keypoints: Keypoints) -> Motion:
        """The same clip with other keypoints."""
        return replace(self, keypoints=keypoints)

    def to_fields(self) -> dict[str, Any]:
        """Content for the cache (see ``storable.Storable``)."""
        return {
            "keypoints": np.array(self.keypoints),
            "frame_rate": str(self.frame_rate),
            "size": [self.width, self.height],
            "region": asdict(self.region),
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Motion:
        """The motion that ``to_fields`` described."""
        width, height = fields["size"]
        return cls(fields["keypoints"], Fraction(fields["frame_rate"]), width, height, Region(**fields["region"]))
