"""The pack's own fast tests, with ComfyUI on the card in fp32."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from .setting import Setting

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("pytest", "hypothesis")
TESTS: tuple[tuple[str, ...], ...] = (
    ("tests/sampling/test_batch_sampler.py",),
    ("tests/sampling/test_sampler.py", "tests/sampling/test_keyframe_control.py", "tests/upscaling/test_node.py"),
    ("tests/sampling/test_clips.py", "tests/sampling/test_edit.py", "tests/interpolation/test_node.py"),
    ("tests/sampling/test_masks.py", "tests/sampling/test_inpainting.py", "tests/sampling/test_anchors.py"),
    (
        "tests/sampling/test_reference.py",
        "tests/sampling/test_references.py",
        "tests/upscaling/test_order.py",
        "tests/test_readback.py",
    ),
    (
        "tests/sampling/test_families.py",
        "tests/video_models/test_windows.py",
        "tests/video_models/test_control_range.py",
    ),
)
"""Files of each process; all run at once. They are those in which the pack computes on ComfyUI's device.

They need RIFE and Real-ESRGAN's compact net, and no mediapipe, diffusers, ncnn, kornia, browser or clips. What they
import besides the pack: ``tests/{conftest,pretend_card}.py``, ``tests/{sampling,interpolation,video_models}/*.py``,
``tests/motion/synthetic.py``, ``training/{renderer,text}.py``, ComfyUI's ``comfy_extras``.
"""
LEFT_OUT = ("tests/interpolation/test_node.py::test_a_guide_has_all_frames_of_its_file",)
"""Of those files, what needs a clip."""
REHEARSED = ("tests/sampling/test_layout.py", "tests/upscaling/test_node.py")
_OUTCOME = re.compile(r"^(tests/\S+\.py::.*?) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)\b", re.M)
_WHY = re.compile(r"^(?:FAILED|ERROR) (tests/\S+\.py::.*?) - (.*)$", re.M)
_TOLD = 400
"""Characters of why a test has failed, and lines of the end of what pytest prints of a process in trouble."""
_PATIENCE = 3.0
"""Seconds in which pytest, told to stop, sums up."""


@dataclass(frozen=True)
class Tally:
    """What became of the tests.

    Attributes:
        passed, skipped: how many.
        failed: by test, why.
        ended: whether all were run.
        last_lines: of the processes in which one failed, or that did not end.
        why_not: why none could be run.
    """

    passed: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    ended: bool = True
    last_lines: str = ""
    why_not: str = ""


class CardTests:
    """The tests at work, in processes of their own.

    Args:
        setting: of the part.
    """

    def __init__(self, setting: Setting) -> None:
        self._missing = [name for name in NEEDED if find_spec(name) is None]
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []
        if self._missing:
            return
        for number, files in enumerate([REHEARSED] if setting.rehearse else TESTS):
            output = setting.scratch / f"tests_{number}.txt"
            self._running.append((_started(files, setting, output), output))

    def finished(self, seconds: float) -> Tally:
        """What became of them, after so many seconds at most, and some in which those that are late sum up."""
        if self._missing:
            return Tally(why_not=f"without {', '.join(self._missing)} there are no tests")
        end = time.monotonic() + max(seconds, 0.0)
        for process, _ in self._running:
            _wait(process, end)
        late = [process for process, _ in self._running if process.poll() is None]
        for process in late:
            process.send_signal(signal.SIGINT)
        for process in late:
            _wait(process, end + _PATIENCE)
        texts = [output.read_text(encoding="utf-8", errors="replace") for _, output in self._running]
        statuses = [process.poll() for process, _ in self._running]
        return tally(texts, statuses)

    def close(self) -> None:
        """End what still runs."""
        for process, _ in self._running:
            process.kill()
            process.wait()


def tally(texts: Sequence[str], statuses: Sequence[int | None]) -> Tally:
    """What pytest's ``-v`` has printed, by process, added up.

    Args:
        texts: by process.
        statuses: with which they ended; 0 and 1 are pytest's for all that were run.
    """
    outcomes = {name: outcome for text in texts for name, outcome in _OUTCOME.findall(text)}
    why = {name: said[:_TOLD] for text in texts for name, said in _WHY.findall(text)}
    failed = {name: why.get(name, "") for name, outcome in outcomes.items() if outcome in ("FAILED", "ERROR", "XPASS")}
    kept = [text for text, status in zip(texts, statuses, strict=True) if status != 0]
    return Tally(
        passed=list(outcomes.values()).count("PASSED"),
        skipped=sum(outcome in ("SKIPPED", "XFAIL") for outcome in outcomes.values()),
        failed=failed | {name: said for name, said in why.items() if name not in outcomes},
        ended=all(status in (0, 1) for status in statuses),
        last_lines="\n---\n".join(text[-3000:] for text in kept),
    )


def _started(files: Sequence[str], setting: Setting, output: Path) -> subprocess.Popen[bytes]:
    left_out = [f"--deselect={name}" for name in LEFT_OUT]
    command = [sys.executable, "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider", "-m", "not slow"]
    environment = os.environ | {
        "COMFYUI_PATH": str(setting.comfyui),
        "TEST_DEVICE": "cpu" if setting.rehearse else "cuda",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "1000",
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    with output.open("wb") as file:
        return subprocess.Popen(
            [*command, *left_out, *files],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def _wait(process: subprocess.Popen[bytes], end: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(end - time.monotonic(), 0.01))
