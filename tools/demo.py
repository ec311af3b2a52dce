"""``make demo``: the shipped workflow on a real clip, through a real ComfyUI server, by the client that users have."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from . import server
from .environment import CACHE, Environment
from .process import ROOT, SetupError, run, say

WORKFLOWS = ROOT / "workflows" / "api"
ASSETS = ROOT / ".assets"
BASE = CACHE / "comfyui"
"""ComfyUI's base directory. It stays, and with it what the Hash Cache has stored."""
TIMES = BASE / "demo_seconds.json"
"""What each edit took when nothing of it was in the cache."""
STAND_INS: dict[str, dict[str, str]] = json.loads(
    (ROOT / "nodes" / "models" / "stand_ins.json").read_text(encoding="utf-8")
)
"""For ``run.py --stand-ins`` too: what a machine without a GPU does in minutes, and until the weights that the shipped
workflow names are there, a small model of our own, with the frames that it is made for."""
SHOWN = {"Skeletons": "Draw Pose", "Keyframes": "Cache Keyframes"}
"""Pictures that the demo asks for besides: the title of a preview, and of the node whose first output it shows."""
Graph: TypeAlias = dict[str, dict[str, Any]]
COLUMNS = ("stage", "device", "seconds", "frames", "cached")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """The demo's command line."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--clip", type=Path, help="your own video (default: the clip of one person)")
    parser.add_argument("--output", type=Path, default=Path("output"), metavar="DIR", help="default: %(default)s")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--workflow", type=Path, default=WORKFLOWS / "motion_edit.json", help="default: workflows/api/motion_edit.json"
    )
    chosen.add_argument(
        "--keep-place",
        dest="workflow",
        action="store_const",
        const=WORKFLOWS / "replace_person.json",
        help="redraw only the person: the place stays",
    )
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
    graph = json.loads(chosen.workflow.read_text(encoding="utf-8"))
    loaders = [node_id for node_id, node in graph.items() if node["class_type"] == "FrugalLoadVideo"]
    clips = [f"{node_id}.file={clip}" for node_id in loaders]
    settings = [*clips, *_stand_ins(graph, made.python), *chosen.settings]
    say("starting ComfyUI")
    try:
        with server.running(made.comfyui, BASE, python=made.python, assets=ASSETS) as comfyui:
            say(f"running {chosen.workflow.name} on {clip.name} at {comfyui.url}")
            result = _run(made, comfyui.url, graph, settings, chosen.output)
    except server.ServerError as error:
        raise SetupError(str(error)) from error
    _print(result)
    _print_time(result, hashlib.sha256(json.dumps([graph, settings]).encode() + clip.read_bytes()).hexdigest())
    _draw_sheet(made.python, clip, result)


def _run(made: Environment, url: str, graph: Graph, settings: Sequence[str], output: Path) -> dict[str, Any]:
    workflow = BASE / "demo.json"
    workflow.write_text(json.dumps(_with_previews(graph)), encoding="utf-8")
    client: list[str | Path] = [made.python, ROOT / "workflows" / "run.py", workflow, "--server", url]
    sets = [f"--set={setting}" for setting in settings]
    done = subprocess.run(
        [*client, "--json", "--previews", "--output", output, *sets], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SetupError(f"the run failed; ComfyUI's log is {BASE / 'server.log'}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _stand_ins(graph: Graph, python: Path) -> list[str]:
    """Settings that this machine needs: our model where the workflow's is missing, and what a CPU can do."""
    wanted = [node["inputs"].get("ckpt_name") for node in graph.values()]
    missing = [name for name in wanted if name and not (ASSETS / "models" / "checkpoints" / name).is_file()]
    changes: dict[str, str] = {}
    if missing:
        say(f"no {missing[0]} here: taking the demo model, which knows a few figures and places (training/README.md)")
        changes = STAND_INS["demo model"] | STAND_INS["small frames"]
    elif not server.has_accelerator(python):
        say("no GPU here: smaller frames and the small upscaler")
        changes = STAND_INS["small frames"]
    titles = {node["_meta"]["title"] for node in graph.values()}
    return [f"{name}={value}" for name, value in changes.items() if name.rpartition(".")[0] in titles]


def _with_previews(graph: Graph) -> Graph:
    """The workflow with the pictures that the contact sheet shows; as it is if they are not to be had."""
    ids = {node["_meta"]["title"]: node_id for node_id, node in graph.items()}
    if not set(SHOWN.values()) <= set(ids):
        return graph
    previews = {
        f"demo {title}": {
            "class_type": "PreviewImage",
            "inputs": {"images": [ids[shown], 0]},
            "_meta": {"title": title},
        }
        for title, shown in SHOWN.items()
    }
    return {**graph, **previews}


def _draw_sheet(python: Path, clip: Path, result: dict[str, Any]) -> None:
    """Put source, skeletons, keyframes and result on one picture beside the video, and source and result in motion."""
    files = {title: [file["path"] for file in result["outputs"] if file["title"] == title] for title in SHOWN}
    video = next((Path(file["path"]) for file in result["outputs"] if file["path"].endswith(".mp4")), None)
    if not video or not all(files.values()):
        return
    plan = next(plan for shown in result["ui"] for plan in shown["data"].get("frugal_keyframes", []))
    picture, animation = video.with_suffix(".png"), video.with_suffix(".webp")
    command: list[str | Path] = [python, "-m", "tools.contact_sheet", "--source", clip.resolve()]
    command += ["--result", video.resolve(), "--frame-rate", plan["frame_rate"], "--frames", *map(str, plan["frames"])]
    command += ["--skeletons", *files["Skeletons"], "--keyframes", *files["Keyframes"]]
    run([*command, "--output", picture.resolve(), "--animation", animation.resolve()])
    print(picture.resolve(), animation.resolve(), sep="\n")


def _print(result: dict[str, Any]) -> None:
    for report in _reports(result):
        print(f"\n{table(report)}")
    if reused := _reused(result):
        print(f"\nRe-used from an earlier run: {', '.join(reused)}")
    for file in result["outputs"]:
        if file["type"] == "output":
            print(Path(file["path"]).resolve())


def _reports(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [report for shown in result["ui"] for report in shown["data"].get("frugal_report", [])]


def _reused(result: dict[str, Any]) -> list[str]:
    return [stage["stage"] for report in _reports(result) for stage in report["stages"] if stage["cached"]]


def _print_time(result: dict[str, Any], edit: str) -> None:
    """The prompt's time, beside what the same edit took when all of it had to be made."""
    known: dict[str, float] = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.is_file() else {}
    seconds = float(result["seconds"])
    if not _reused(result):
        TIMES.write_text(json.dumps(known | {edit: seconds}), encoding="utf-8")
    elif edit in known:
        print(f"\n{seconds:.1f} s; from nothing it took {known[edit]:.1f} s: {seconds / known[edit]:.1%} of that")
        return
    print(f"\n{seconds:.1f} s")


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
