"""Masks as a video: grey frames, white where people are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import InputError
from ..motion.motion import Motion, chosen
from ..opencv import cv2
from ..video.stream import CHUNK, Frames, FrameStream, VideoInfo
from .person_masks import Mask, PersonMasks
from .pose_region import pose_region
from .steady import MaskSettings, SteadyMasks


class MaskStream(FrameStream):
    """Masks, made while they are read.

    Args:
        masks: as they were found.
        settings: what is made of them.
        motion: of people who are to be inside too: where an edited motion takes them.
        clip: what the masks are of, where they were found in smaller frames.

    Raises:
        InputError: ``motion`` has another number of frames.
    """

    seekable = True

    def __init__(
        self, masks: PersonMasks, settings: MaskSettings, motion: Motion | None = None, clip: VideoInfo | None = None
    ) -> None:
        self.masks, self.settings, self.motion, self.info = masks, settings, motion, clip or masks.info
        if motion is not None and motion.frame_count != masks.info.frame_count:
            found, allowed = f"{motion.frame_count} frames", f"{masks.info.frame_count}, as the video has"
            raise InputError("edited_motion", found, allowed, "Masks cannot follow a motion that was retimed.")

    def content(self) -> object:
        return self.masks, self.settings, self.motion, self.info

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.section(0, self.info.frame_count, size)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        steady = SteadyMasks(self.masks, self.settings, (self.info.width, self.info.height))
        for begin in range(first, min(end, self.info.frame_count), size):
            frames = range(begin, min(begin + size, end, self.info.frame_count))
            yield np.stack([cv2.merge([steady.mask(frame, self._region(frame))] * 3) for frame in frames])

    def _region(self, frame: int) -> Mask | None:
        if self.motion is None:
            return None
        people = self.motion.keypoints[frame][chosen(self.settings.person)]
        return pose_region(people, self.info.width, self.info.height)
