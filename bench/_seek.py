"""What a start deep inside of a long file costs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from fractions import Fraction
from functools import partial
from pathlib import Path

from bench._compare import result, seconds_side_by_side
from nodes.video.audio import load_waveform
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings

COMMAND = "make bench ONLY=video"


def measure_seeks(program: str) -> dict[str, dict[str, object]]:
    """Pictures at 290 s of five minutes in MPEG-TS and -PS, and sound at 8700 s of two and a half hours in Matroska."""
    with tempfile.TemporaryDirectory() as folder:
        five_minutes = _looped(program, Path(folder), ("mp4", "ts"), "1280x720", 50, 20, 15)
        hours = _looped(program, Path(folder), ("mp4", "mkv"), "64x48", 30, 6, 1500)
        pictures = {name: _opened(path, 290, 1) for name, path in five_minutes.items()}
        late = {name: _opened(path, 8700, 2) for name, path in hours.items()}
        seconds = seconds_side_by_side({name: partial(_read, stream) for name, stream in pictures.items()})
        sound = late["mkv"].audio
        assert sound
        heard = seconds_side_by_side({"pictures": partial(_read, late["mp4"]), "sound": lambda: load_waveform(sound)})
    print("seek", seconds, heard, file=sys.stderr)
    return {
        "video.seek_ts_over_mp4": result(seconds["ts"] / seconds["mp4"], "x", 2.0, COMMAND, better="lower"),
        "video.sound_seek": result(heard["sound"] / heard["pictures"], "x", 3.0, COMMAND, better="lower"),
    }


def _opened(path: Path, start: int, duration: int) -> FileStream:
    settings = DecodeSettings(Fraction(start), Fraction(duration), Fraction(12), size=(256, 256))
    return FileStream(path, settings)


def _read(stream: FileStream) -> None:
    for _ in stream.chunks():
        pass


def _looped(
    program: str, folder: Path, kinds: tuple[str, ...], size: str, rate: int, seconds: int, times: int
) -> dict[str, Path]:
    """The same packets in several containers."""
    part = folder / f"part{times}.ts"
    pictures, sound = f"testsrc2=s={size}:r={rate}:d={seconds}", f"sine=440:d={seconds}"
    codecs = ["-c:v", "libx264", "-preset", "veryfast", "-g", str(rate), "-pix_fmt", "yuv420p", "-c:a", "aac"]
    run = [program, "-y", "-v", "error"]
    subprocess.run([*run, "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, *codecs, str(part)], check=True)
    made = {kind: folder / f"long{times}.{kind}" for kind in kinds}
    for path in made.values():
        loop = ["-stream_loop", str(times - 1), "-i", str(part), "-c", "copy", str(path)]
        subprocess.run([*run, *loop], check=True)
    return made
