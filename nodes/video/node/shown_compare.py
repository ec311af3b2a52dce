"""What Compare shows in the editor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...host.previews import shown_file, shown_video
from ...motion.motion import Motion
from ...motion.player_file import packed
from ..encode import EncodeSettings
from ..in_step import Clock, StackedStream, common_size
from ..stream import FrameStream, VideoInfo

MOST_PICTURES, MOST_POSES = 300, 3000
"""Moments that are shown where there is a video, and where there are motions alone."""

LONGER_SIDE = 512
"""Pixels at most of either video."""

_LARGEST = 32_000_000  # bytes of a motion: with so few moments nothing is left out of it
_SMALL = EncodeSettings("h264", quality=75, sound=False, intra=True)


def shown_compare(
    videos: Sequence[FrameStream | None],
    motions: Sequence[Motion | None],
    progress: Callable[[int], Callable[[int], None]],
) -> dict[str, Any]:
    """For ``NodeOutput(ui=...)``: two sides in step; ``web/js/in_step.js`` says what is in it.

    Args:
        videos, motions: of A and B. What has no frames counts as not wired.
        progress: from the number of pictures to be made to who is told of them, see ``encode.save``.
    """
    videos = [video if video and video.info.frame_count else None for video in videos]
    motions = [motion if motion and motion.frame_count else None for motion in motions]
    sides = [_looks(video, motion) for video, motion in zip(videos, motions, strict=True)]
    streams = [video for video in videos if video]
    clips = [video.info for video in streams] + [_info(motion) for motion in motions if motion]
    if not clips:
        return {"frugal_compare": [{"sides": sides}]}
    clock = Clock.of(clips, MOST_PICTURES if streams else MOST_POSES)
    size = common_size([side for side in sides if side], LONGER_SIDE)
    film = shown_video(StackedStream(streams, clock, size), _SMALL, progress(clock.count)) if streams else None
    told = {
        "sides": [
            side and {**_told(side), "video": video is not None, "motion": motion and _shown(motion, clock)}
            for side, video, motion in zip(sides, videos, motions, strict=True)
        ],
        "film": film,
        "frames": clock.count,
        "rate": list(clock.frame_rate.as_integer_ratio()),
        "step": clock.step,
        "width": size[0],
        "height": size[1],
    }
    return {"frugal_compare": [told]}


def _looks(video: FrameStream | None, motion: Motion | None) -> VideoInfo | None:
    """Size and times of a side: of its video, if it has one."""
    if video:
        return video.info
    return _info(motion) if motion else None


def _info(motion: Motion) -> VideoInfo:
    return VideoInfo(motion.width, motion.height, motion.frame_rate, motion.frame_count)


def _told(side: VideoInfo) -> dict[str, Any]:
    rate = list(side.frame_rate.as_integer_ratio())
    return {"width": side.width, "height": side.height, "frames": side.frame_count, "rate": rate}


def _shown(motion: Motion, clock: Clock) -> dict[str, str] | None:
    """A motion with a pose for every moment."""
    poses = motion.keypoints[list(clock.frames_of(_info(motion)))]
    return shown_file(packed(replace(motion, keypoints=poses, frame_rate=clock.frame_rate), _LARGEST), ".motion")
