"""The place that a clip shows: how its camera goes, and which frames show what people hide in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..errors import InputError
from ..masks.person_masks import Mask
from ..opencv import cv2
from ..storable import Storable
from ..video.geometry import Region
from ..video.read_forward import ReadForward
from ..video.stream import FrameStream, Picture, VideoInfo
from .camera_path import CameraPath, CameraShot
from .fitting import check_lasts, check_shape
from .hidden import hidden_places, masks_in_time
from .plate import BinaryMask, inpainted, median_plate

REACH = Fraction(3)
"""Seconds before and behind a frame in which is looked for what people hide in it, where the camera moves."""

_EVERY = Fraction(1, 4)  # seconds between frames that may be looked at
_LOOKS = 9  # at a place: enough for a median
_MOST = 24  # frames of which a plate is made; all are in memory at a time
_COARSE = 160  # pixels: longer side of masks by which frames are chosen

Sketches: TypeAlias = Mapping[int, BinaryMask]
"""By frame, where it shows background, coarsely."""


@dataclass(frozen=True, eq=False)
class Shot:
    """A shot and what shows its place.

    Attributes:
        camera: its way.
        samples: ascending numbers of frames that show what people hide in others.
        plate: PNG of the place without people; empty where the camera moves, and where it is lost at once.
    """

    camera: CameraShot
    samples: Sequence[int]
    plate: bytes = b""


@dataclass(frozen=True, eq=False)
class Place(Storable):
    """What is known of the place that a clip shows. Immutable.

    Attributes:
        info: of the clip.
        shots: all of the clip, in order.
        invented: of what people hide, the share that no frame shows, 0..1.
    """

    STORED_AS: ClassVar[str] = "place"

    info: VideoInfo
    shots: Sequence[Shot]
    invented: float

    def to_fields(self) -> dict[str, Any]:
        """Content for the cache (see ``storable.Storable``)."""
        return {
            "size": [self.info.width, self.info.height, self.info.frame_count],
            "frame_rate": str(self.info.frame_rate),
            "region": asdict(self.info.region),
            "invented": self.invented,
            "ends": [[shot.camera.first, shot.camera.end] for shot in self.shots],
            "moves": np.concatenate([shot.camera.moves for shot in self.shots]),
            "samples": [list(shot.samples) for shot in self.shots],
            "plates": [np.frombuffer(shot.plate, np.uint8).copy() for shot in self.shots],
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Place:
        """The place that ``to_fields`` described."""
        width, height, count = fields["size"]
        info = VideoInfo(width, height, Fraction(fields["frame_rate"]), count, Region(**fields["region"]))
        cameras = [CameraShot(first, end, fields["moves"][first:end]) for first, end in fields["ends"]]
        plates = (plate.tobytes() for plate in fields["plates"])
        return cls(info, list(map(Shot, cameras, fields["samples"], plates)), fields["invented"])


def survey(
    source: FrameStream, masks: FrameStream, margin: float, on_frame: Callable[[], object] = lambda: None
) -> Place:
    """Follow the camera through a clip, and make the plate of every shot in which it stands still.

    Args:
        source: the clip; read twice, as are the masks.
        masks: grey frames of the clip's shape, at any size and frame rate, white where people are.
        margin: how far around a mask nothing is believed, as a share of the frame's longer side.
        on_frame: called after every frame of the first reading; may raise to stop.

    Raises:
        InputError: the masks have another shape, end earlier or are black in all frames.
    """
    info = source.info
    check_shape("masks", masks, (info.width, info.height))
    check_lasts("masks", masks, info.duration, "the video")
    path, sketches = CameraPath((info.width, info.height)), {}
    step = max(round(info.frame_rate * _EVERY), 1)
    anybody = False
    for number, (picture, mask) in enumerate(_with_masks(source, masks)):
        clear = ~hidden_places(mask, path.size, margin)
        path.go_on(picture, clear)
        anybody = anybody or not clear.all()
        if (number - path.begun) % step == 0:
            sketches[number] = _sketch(clear)
        on_frame()
    if not anybody:
        raise InputError("masks", "black in all frames", "white where people are", "Connect Person Masks of the video.")
    shots = [Shot(camera, _samples(camera, sketches)) for camera in path.shots()]
    looked_at = ReadForward(_with_masks(source, masks))
    shots = [_with_plate(shot, looked_at, margin) if shot.camera.stands and shot.samples else shot for shot in shots]
    return Place(info, shots, _invented(shots, sketches, info.frame_rate))


def _with_masks(source: FrameStream, masks: FrameStream) -> Iterator[tuple[Picture, Mask]]:
    frames = (frame for chunk in source.chunks() for frame in chunk)
    return zip(frames, masks_in_time(masks, source.info), strict=False)


def _sketch(clear: BinaryMask) -> BinaryMask:
    height, width = clear.shape
    factor = min(_COARSE / max(width, height), 1.0)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return np.asarray(cv2.resize(clear.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) == 255)


def _samples(camera: CameraShot, sketches: Sketches) -> Sequence[int]:
    """Of a moving camera all that were sketched; of one that stands, those that show most of what others hide."""
    numbers = [number for number in sketches if camera.first <= number < camera.end]
    if not camera.stands:
        return numbers
    clear = np.stack([sketches[number] for number in numbers])
    looks, wanted, chosen = np.zeros(clear.shape[1:], int), ~clear.all(axis=0), set[int]()
    while len(chosen) < min(_MOST, len(numbers)):
        gains = (clear & (wanted & (looks < _LOOKS))).sum(axis=(1, 2))
        gains[list(chosen)] = 0
        best = int(gains.argmax())
        if not gains[best]:
            break
        chosen.add(best)
        looks += clear[best]
    if not chosen and len(camera.moves) > 1:
        chosen.add(0)  # nobody ever moves: what is made up is at least the same in all frames
    return [numbers[at] for at in sorted(chosen)]


def _with_plate(shot: Shot, looked_at: ReadForward[tuple[Picture, Mask]], margin: float) -> Shot:
    pictures, clear = [], []
    for number in shot.samples:
        looked_at.forget_before(number)
        picture, mask = looked_at.at(number)
        pictures.append(picture)
        clear.append(~hidden_places(mask, picture.shape[1::-1], margin))
    plate = inpainted(*median_plate(pictures, clear))
    return Shot(shot.camera, shot.samples, cv2.imencode(".png", plate[..., ::-1])[1].tobytes())


def _invented(shots: Sequence[Shot], sketches: Sketches, rate: Fraction) -> float:
    """Of what people hide in the sketched frames, the share that no sample shows."""
    hidden, never = 0, 0
    for shot in shots:
        for number in (one for one in sketches if shot.camera.first <= one < shot.camera.end):
            behind = ~sketches[number]
            hidden += int(behind.sum())
            for other in near(shot, number, rate):
                if not behind.any():
                    break
                behind &= ~_sketch_from(shot.camera, number, other, sketches[other])
            never += int(behind.sum())
    return never / hidden if hidden else 0.0


def near(shot: Shot, frame: int, rate: Fraction) -> list[int]:
    """Samples that may show what people hide in a frame, the nearest in time first."""
    reach = len(shot.camera.moves) if shot.camera.stands else round(REACH * rate)
    return sorted((one for one in shot.samples if abs(one - frame) <= reach), key=lambda one: (abs(one - frame), one))


def _sketch_from(camera: CameraShot, frame: int, other: int, sketch: BinaryMask) -> BinaryMask:
    """The sketch of another frame in the places of a frame."""
    size = sketch.shape[1::-1]
    move = camera.move(frame, other, size)
    return np.asarray(cv2.warpPerspective(sketch.astype(np.uint8), move, size, flags=cv2.INTER_NEAREST) > 0)
