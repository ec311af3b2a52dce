"""``make demo``: the shipped workflow on a real clip, through a real ComfyUI server, by the client that users have."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import server
from .environment import CACHE, Environment
from .process import ROOT, SetupError, say

WORKFLOW = ROOT / "workflows" / "api" / "motion_edit.json"
ASSETS = ROOT / ".assets"
BASE = CACHE / "comfyui"
"""ComfyUI's base directory. It stays, and with it what the Hash Cache has stored."""
STAND_INS = {
    "Checkpoint.ckpt_name": "frugal-tiny-untrained.ckpt",
    "ControlNet.control_net_name": "frugal-tiny-openpose-untrained.safetensors",
}
"""What the shipped workflow runs with until the weights that it names are there."""
SMALL = {
    "Load Video.size": "custom",
    "Load Video.width": "256",
    "Load Video.height": "256",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
}
"""What a machine without a GPU does in minutes."""
COLUMNS = ("stage", "device", "seconds", "frames", "cached")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """The demo's command line."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--clip", type=Path, help="your own video (default: the clip of one person)")
    parser.add_argument("--output", type=Path, default=Path("output"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--workflow", type=Path, default=WORKFLOW, help="default: workflows/api/motion_edit.json")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar='"TITLE.INPUT=VALUE"')
    return parser.parse_args(arguments)


def run_demo(made: Environment, chosen: argparse.Namespace) -> None:
    """Run the workflow and print where the video is and what each stage took.

    Raises:
        SetupError: the server does not start, or the run fails.
    """
    clip = chosen.clip or ASSETS / "input" / "one_person.mp4"
    if not clip.is_file():
        raise SetupError(f"--clip: no file {clip}")
    say("starting ComfyUI")
    try:
        with server.running(made.comfyui, BASE, python=made.python, assets=ASSETS) as comfyui:
            say(f"running {chosen.workflow.name} on {clip.name} at {comfyui.url}")
            result = _run(made, comfyui.url, clip, chosen)
    except server.ServerError as error:
        raise SetupError(str(error)) from error
    _print(result)


def _run(made: Environment, url: str, clip: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    client = [made.python, ROOT / "workflows" / "run.py", chosen.workflow, "--json", "--server", url]
    changes = {"Load Video.file": str(clip), **_stand_ins(chosen.workflow), **_small(made.python)}
    settings = [*(f"{name}={value}" for name, value in changes.items()), *chosen.settings]
    sets = [f"--set={setting}" for setting in settings]
    done = subprocess.run([*client, "--output", chosen.output, *sets], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SetupError(f"the run failed; ComfyUI's log is {BASE / 'server.log'}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _stand_ins(workflow: Path) -> dict[str, str]:
    """Settings that put the untrained models in the place of real ones that are not there."""
    wanted = [node["inputs"].get("ckpt_name") for node in json.loads(workflow.read_text(encoding="utf-8")).values()]
    missing = [name for name in wanted if name and not (ASSETS / "models" / "checkpoints" / name).is_file()]
    if not missing:
        return {}
    say(f"no {missing[0]} here: taking untrained stand-ins, so the look of the frames will mean nothing")
    return STAND_INS


def _small(python: Path) -> dict[str, str]:
    if server.has_accelerator(python):
        return {}
    say("no GPU here: smaller frames and the small upscaler")
    return SMALL


def _print(result: dict[str, Any]) -> None:
    reports = [report for shown in result["ui"] for report in shown["data"].get("frugal_report", [])]
    for report in reports:
        print(f"\n{table(report)}")
    if reused := [stage["stage"] for report in reports for stage in report["stages"] if stage["cached"]]:
        print(f"\nRe-used from an earlier run: {', '.join(reused)}")
    print(f"\n{result['seconds']:.1f} s")
    for file in result["outputs"]:
        print(Path(file["path"]).resolve())


def table(report: dict[str, Any]) -> str:
    """The cost report's stages in columns."""
    rows = [COLUMNS, *(_row(stage) for stage in report["stages"])]
    rows.append(("total", "", f"{report['total_seconds']:.2f}", "", ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}"
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _row(stage: dict[str, Any]) -> tuple[str, ...]:
    frames = str(stage["frames"] or "")
    return stage["stage"], stage["device"], f"{stage['seconds']:.2f}", frames, "yes" if stage["cached"] else ""
