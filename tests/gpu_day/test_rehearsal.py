"""The whole GPU day with tiny nets on the CPU, as it is started on a card."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from frugal_motion.bench.gpu_day import results
from frugal_motion.bench.gpu_day.goals import GOALS, figures_of, without_a_number
from frugal_motion.bench.gpu_day.parts import PARTS
from frugal_motion.bench.gpu_day.results import Results

from ..conftest import ROOT

PATIENCE = 3600.0
"""Seconds that the parts share: on a busy machine each may take many times as long as on an idle one."""


@pytest.fixture(scope="module")
def rehearsed(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("day") / "rehearsal.json"
    command = [sys.executable, "bench/gpu.py", "--rehearse", "--seconds", str(PATIENCE), "--out", str(path)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "COMFYUI_PATH": str(comfyui)}, capture_output=True, text=True, check=False
    )
    log = path.with_suffix(".log").read_text(errors="replace")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log[-5000:]}"
    return results.read(path)


def test_every_part_is_done_and_has_found_something(rehearsed: Results) -> None:
    assert {part.name: (part.state, part.why) for part in rehearsed.parts} == {
        part.name: ("done", "") for part in PARTS
    }
    assert [part.name for part in rehearsed.parts if not part.measurements] == []


def test_its_figures_are_those_of_a_rehearsal(rehearsed: Results) -> None:
    assert rehearsed.is_rehearsal and rehearsed.about["comfyui"] and rehearsed.about["torch"]
    names = [[one.name for one in part.measurements] for part in rehearsed.parts]
    assert [len(found) for found in names] == [len(set(found)) for found in names], "names are unique in their part"


def test_every_goal_has_a_figure(rehearsed: Results) -> None:
    has_core = find_spec("comfy_extras.nodes_frame_interpolation") is not None
    unknown = [] if has_core else ["finishing.rife_*.vs_core"]
    assert [goal.figures for goal in without_a_number([rehearsed])] == unknown


def test_figures_have_the_goals_that_are_promised(rehearsed: Results) -> None:
    for goal in GOALS:
        promised = {float(number) for number in re.findall(r"[\d.]+", goal.goal)}
        for _, one in figures_of(goal, rehearsed):
            assert {one.goal} - {None} == promised, goal
