"""What the meter itself takes: ``python bench/_meter.py`` prints it as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())

import folder_paths  # noqa: E402
from comfy_execution.utils import CurrentNodeContext  # noqa: E402

from frugal_motion.nodes.host import frugal_node as node  # noqa: E402
from frugal_motion.nodes.host.frugal_node import Stage  # noqa: E402
from frugal_motion.nodes.host.video import Charged  # noqa: E402
from frugal_motion.nodes.metering.machine_probe import MachineProbe  # noqa: E402
from frugal_motion.nodes.metering.meter import Reading  # noqa: E402
from frugal_motion.nodes.video.decode import FileStream  # noqa: E402
from frugal_motion.nodes.video.decode_settings import DecodeSettings  # noqa: E402
from frugal_motion.nodes.video.encode import EncodeSettings, save  # noqa: E402

CLIP = ROOT / ".assets" / "input" / "one_person.mp4"
STAGE = Stage("1", "Load Video", "cpu", "FrugalLoadVideo")
CALLS = 5000


class Counting:
    """The machine's probe, and how often it was asked."""

    def __init__(self) -> None:
        self._probe, self.asked = MachineProbe(), 0

    def __call__(self) -> Reading:
        self.asked += 1
        return self._probe()


def per_stage() -> float:
    """Seconds to enter and leave a stage in which nothing is done."""
    started = time.perf_counter()
    for _ in range(CALLS):
        with STAGE.charged():
            pass
    return (time.perf_counter() - started) / CALLS


def copied(target: Path) -> tuple[float, int]:
    """Seconds to decode and encode the clip, the lightest work there is, and stages entered on the way."""
    probe = Counting()
    node.ledger = node.Ledger(probe=probe)
    stream = Charged(FileStream(CLIP, DecodeSettings(frame_rate=Fraction(25), size=(512, 512), fit="cover")), STAGE)
    started = time.perf_counter()
    save(stream, target, EncodeSettings())
    return time.perf_counter() - started, probe.asked // 2


def main() -> None:
    """Print ``{"share": of a run, "microseconds": of a stage, "stages": of the run, "seconds": of the run}``."""
    with tempfile.TemporaryDirectory() as folder, CurrentNodeContext("run", "1"):
        folder_paths.user_directory = folder
        seconds, stages = copied(Path(folder) / "copy.mp4")
        each = per_stage()
    found = {"share": each * stages / seconds, "microseconds": each * 1e6, "stages": stages, "seconds": seconds}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
