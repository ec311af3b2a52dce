"""Pictures in files: which there are, in which order, and what each shows."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import InputError
from .container import opened, picture_tracks
from .geometry import UPRIGHT, Orientation, exif_orientation
from .older_pyav import transfer_of
from .probe import UNKNOWN

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".tga", ".exr", ".avif")
"""Of files that are taken for pictures."""

_ORIENTATION = 0x0112
NOT_FOR_PILLOW = (OSError, ValueError, SyntaxError, TypeError, struct.error, Image.DecompressionBombError)
_FULL_RANGE = 2
_DECODERS = {
    b"\x89PNG": "png",
    b"\xff\xd8": "mjpeg",
    b"RIFF": "webp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"BM": "bmp",
    b"v/1\x01": "exr",
}
"""By how a file begins; TGA has no mark."""
_LIGHT = {"exr"}
"""Decoders that give light, where screens want sRGB. FFmpeg before 8 could be told to change that."""
_ALPHA = 3
"""Its place among the channels."""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder by the numbers in their names: ``frame2.png`` comes before ``frame10.png``.

    Raises:
        OSError: the folder cannot be read.
    """
    return sorted(filter(_is_picture, folder.iterdir()), key=lambda path: _natural(path.name))


def holds_pictures(folder: Path) -> bool:
    """Whether it is a folder with at least one picture in it."""
    return folder.is_dir() and any(map(_is_picture, folder.iterdir()))


def _is_picture(path: Path) -> bool:
    # macOS puts a hidden ._name.png beside a name.png.
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    pieces = re.split(r"(\d+)", name.casefold())  # texts at even places, numbers at odd ones
    return [(int(piece), "") if place % 2 else (-1, piece) for place, piece in enumerate(pieces)], name


def is_animated(path: Path) -> bool:
    """Whether a file is a picture that moves in a way that FFmpeg does not read: APNG, WebP or AVIF."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    if head.startswith(b"\x89PNG"):
        return b"acTL" in head.partition(b"IDAT")[0]
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return bool(head[20] & 2)
    return is_pillows(".avif") and head[4:8] == b"ftyp" and b"avis" in head[8 : int.from_bytes(head[:4], "big")]


def is_pillows(suffix: str) -> bool:
    """Whether the Pillow that is installed reads such files; AVIF since 11.3."""
    return suffix in Image.registered_extensions()


class Still(NamedTuple):
    """A picture as it is stored, how it is made upright, and its transfer characteristics (ITU-T H.273)."""

    frame: av.VideoFrame
    orientation: Orientation
    transfer: int


def read_still(path: Path) -> Still:
    """A picture.

    Raises:
        InputError: it is not there or cannot be read.
    """
    orientation = _orientation(path)
    if path.suffix.lower() == ".avif":  # of its transparency FFmpeg makes a second video
        frame, transfer = (_by_pillow if is_pillows(".avif") else _by_demuxer)(path)
    else:
        frame, transfer = _by_ffmpeg(path)
    return Still(frame, orientation, transfer)


def frame_of(image: Image.Image) -> av.VideoFrame:
    """What Pillow has read, as FFmpeg takes it, with its transparency."""
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image.convert("RGBA")), format="rgba")


def orientation_in(image: Image.Image) -> Orientation:
    """What the picture's EXIF says."""
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT  # Pillow would decode it all to look behind the picture
    return exif_orientation(image.getexif().get(_ORIENTATION, 1))


def _orientation(path: Path) -> Orientation:
    try:
        with Image.open(path) as image:
            return orientation_in(image)
    except NOT_FOR_PILLOW:
        return UPRIGHT


def _by_pillow(path: Path) -> tuple[av.VideoFrame, int]:
    try:
        with Image.open(path) as image:
            return frame_of(image), UNKNOWN
    except NOT_FOR_PILLOW as error:
        raise unreadable(path, error) from error


def _by_demuxer(path: Path) -> tuple[av.VideoFrame, int]:
    with opened(path) as container:
        try:
            stream = picture_tracks(container)[0]
            frame = next(container.decode(stream))
            return frame, transfer_of(frame, stream.codec_context.color_trc)
        except (IndexError, StopIteration, av.error.FFmpegError) as error:
            raise unreadable(path, error) from error


def _by_ffmpeg(path: Path) -> tuple[av.VideoFrame, int]:
    """Decode the file as one packet: a demuxer would decode it twice, the first time to say what is in it."""
    try:
        content = path.read_bytes()
        decoder = _decoder_of(content, path)
        frames = [*decoder.decode(av.Packet(content)), *decoder.decode(None)]
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise unreadable(path, error) from error
    if not frames:
        raise unreadable(path, "nothing is in it")
    frame = frames[0]
    if decoder.name in _LIGHT:
        frame = _of_light(frame)
    if not frame.color_range:
        frame.color_range = _FULL_RANGE  # as pictures are, other than video
    return frame, transfer_of(frame, decoder.color_trc)


def _decoder_of(content: bytes, path: Path) -> av.VideoCodecContext:
    by_content = (decoder for magic, decoder in _DECODERS.items() if content.startswith(magic))
    name = next(by_content, "targa" if path.suffix.lower() == ".tga" else None)
    if name is None:
        raise ValueError("it is none")
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    return decoder


def _of_light(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame of floats that are light, encoded by IEC 61966-2-1 (sRGB) in 16 bits; its transparency stays.

    Of floats FFmpeg lets some that are nearly white become black, where there is transparency; and grey it would take
    for the brightness of a video, which does not fill its range.
    """
    kind = re.fullmatch("(gray|ya|gbr|gbra)p?f(16|32)[bl]e", frame.format.name)
    if kind is None:
        return frame  # whole numbers are no light
    values = _values(frame, np.dtype(f"f{int(kind[2]) // 8}"))
    channels = {"gray": [0, 0, 0], "ya": [0, 0, 0, 1]}.get(kind[1], range(len(values)))
    shown = av.VideoFrame(frame.width, frame.height, "gbrap16le" if len(channels) > _ALPHA else "gbrp16le")
    for number, (channel, plane) in enumerate(zip(channels, shown.planes, strict=True)):
        rows = np.zeros((frame.height, plane.line_size // 2), "<u2")
        shares = np.clip(np.nan_to_num(values[channel].astype(np.float32)), 0, 1)  # a screen shows no more
        rows[:, : frame.width] = np.rint(65535 * (shares if number == _ALPHA else _to_srgb(shares)))
        plane.update(rows.tobytes())
    return shown


def _values(frame: av.VideoFrame, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Those of a frame ``(channels, h, w)``, in the order of its components."""
    rows = [np.frombuffer(memoryview(plane), dtype).reshape(frame.height, -1) for plane in frame.planes]
    if len(rows) == 1:  # grey, with transparency beside it if there is any
        together = len(frame.format.components)
        return np.stack([rows[0][:, first::together][:, : frame.width] for first in range(together)])
    return np.stack([row[:, : frame.width] for row in rows])


def _to_srgb(light: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def unreadable(path: Path, why: object) -> InputError:
    """That a picture is broken."""
    return InputError("file", f"{path.name!r}, which cannot be read ({why})", "a picture", "Copy or export it again.")
