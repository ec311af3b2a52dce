"""A real ComfyUI server for parts of the GPU day, and the edits that it is asked for.

The nets are of random weights, full-size on a card; so are the clips: a drawn figure that dances before a picture. Its
motion comes from a file by Load Motion, in place of Extract Pose: what finds people works on the CPU alone.

It starts without comfyui-frontend-package, comfyui-workflow-templates, comfyui-embedded-docs, SQLAlchemy, alembic,
kornia and mediapipe, and says so in its log.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import folder_paths
import torch
from safetensors.torch import save_file
from spandrel.architectures.ESRGAN import ESRGAN
from torch import nn

from frugal_motion.nodes.interchange.files import save_motion
from frugal_motion.nodes.jobs.job import with_values
from frugal_motion.nodes.video.encode import save
from frugal_motion.tools.pack import register_nodes
from frugal_motion.tools.server import Server, running, tail

from .._edit import NAIVE_RATE, RATE
from . import nets
from .drawn_clip import DrawnClip, dancing
from .setting import Setting

ROOT = Path(__file__).resolve().parents[2]
UPSCALER, INTERPOLATOR = "random_x4plus.safetensors", "rife_v4.26.safetensors"
LOOK_EVERY = 0.05  # seconds
RECORD_WITHIN = 10.0  # seconds after the end of a run; the pack looks for ended runs every second
SOURCE_RATE = Fraction(NAIVE_RATE)
"""Frames per second of clips."""
ON_GPU = frozenset({"FrugalKeyframeSampler", "FrugalUpscale", "FrugalInterpolate"})
"""Nodes that belong there."""

Prompt: TypeAlias = dict[str, dict[str, Any]]


class RunFailedError(RuntimeError):
    """The server has refused or not finished a prompt."""


@dataclass(frozen=True)
class Run:
    """A prompt that has come to its end, and the seconds from its first to its last message."""

    id: str
    seconds: float


@dataclass(frozen=True)
class Host:
    """The server at work.

    Attributes:
        server: it.
        files: of its first family of nets, which are written while it starts.
        checkpoint: begins to write those of another one.
    """

    server: Server
    files: Future[nets.CheckpointFiles]
    checkpoint: Callable[[nets.Family], Future[nets.CheckpointFiles]]

    def ask(self, path: str, body: Any = None) -> Any:
        """The JSON behind a route, to which ``body`` is posted if there is one.

        Raises:
            RunFailedError: the server has gone; the message has the end of its log.
            ServerError: the body is refused; the message says why.
        """
        try:
            return self.server.get(path) if body is None else self.server.post(path, body)
        except OSError as error:
            raise self._gone(error) from error

    def set(self, **values: Any) -> None:
        """Change settings of the pack, also those that only its owner may change; they hold at once."""
        path = self.server.base / "user" / "frugal-motion" / "settings.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part")
        aside.write_text(json.dumps(found | values), encoding="utf-8")
        os.replace(aside, path)

    def run(self, prompt: Prompt) -> Run:
        """Run a prompt to its end.

        Raises:
            RunFailedError: it is refused or fails.
        """
        return self.ended(_accepted(self.ask("/prompt", {"prompt": prompt})))

    def ended(self, run: str) -> Run:
        """Wait for the end of a prompt.

        Raises:
            RunFailedError: it failed.
        """
        while not (found := self.ask(f"/history/{run}").get(run)):
            time.sleep(LOOK_EVERY)
        status = found["status"]
        if status["status_str"] != "success":
            raise RunFailedError(_failure(status["messages"]))
        times = [data["timestamp"] for _, data in status["messages"] if "timestamp" in data]
        return Run(run, (max(times) - min(times)) / 1000)

    def record(self, run: Run) -> dict[str, Any]:
        """What the pack has measured of a run in which a node of its own has worked.

        Raises:
            RunFailedError: nothing.
        """
        self.until(lambda: run.id in [one["run"] for one in self.newest()], RECORD_WITHIN)
        found: dict[str, Any] = self.ask(f"/frugal-motion/runs/{run.id}")
        return found

    def newest(self, most: int = 40) -> list[dict[str, Any]]:
        """What the pack has measured of the last runs, without their prompts."""
        found: list[dict[str, Any]] = self.ask(f"/frugal-motion/runs?limit={most}")["runs"]
        return found

    def until(self, holds: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until something holds.

        Raises:
            RunFailedError: it did not within so many seconds.
        """
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise RunFailedError(f"not within {seconds:g} s. {tail(self.server.log)}")
            time.sleep(LOOK_EVERY)

    def first_step(self, prompt: Prompt, title: str) -> tuple[float, Run]:
        """Run a prompt to its end.

        Returns:
            Seconds from the posting of the prompt to the first step of the node of this title, and the run.

        Raises:
            RunFailedError: it is refused or fails.
        """
        (node,) = (node_id for node_id, one in prompt.items() if one["_meta"]["title"] == title)
        try:
            seconds, run = asyncio.run(_first_step(self.server.url, prompt, node))
        except (OSError, aiohttp.ClientError) as error:
            raise self._gone(error) from error
        return seconds, self.ended(run)

    def _gone(self, error: Exception) -> RunFailedError:
        return RunFailedError(f"the server does not answer: {error}. {tail(self.server.log)}")


async def _first_step(url: str, prompt: Prompt, node: str) -> tuple[float, str]:
    """Seconds, and the prompt's id."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws?clientId=gpu-day") as socket:
        started = time.perf_counter()
        body = {"prompt": prompt, "client_id": "gpu-day"}
        async with session.post(f"{url}/prompt", json=body) as answer:
            run = _accepted(await answer.json())
        async for message in socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue
            heard = json.loads(message.data)
            data = heard.get("data") or {}
            if heard["type"] in ("execution_error", "execution_success"):
                raise RunFailedError(f"no step of node {node}: {json.dumps(data)[:3000]}")
            if heard["type"] == "progress" and str(data.get("node")) == node and data.get("value", 0) >= 1:
                return time.perf_counter() - started, run
    raise ConnectionError("it has closed the connection")


def _accepted(answer: Mapping[str, Any]) -> str:
    """The id of a prompt.

    Raises:
        RunFailedError: a part of it was refused.
    """
    if answer.get("error") or answer.get("node_errors"):
        raise RunFailedError(json.dumps(answer)[:3000])
    return str(answer["prompt_id"])


def _failure(messages: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """What the last message of a run says: the error first."""
    data = messages[-1][1] if messages else {}
    told = [str(data[name]).strip() for name in ("node_type", "exception_type", "exception_message") if data.get(name)]
    return "\n".join([": ".join(told), *map(str, data.get("traceback", []))])


def seconds_on_gpu(record: Mapping[str, Any]) -> dict[str, float]:
    """By title, those of the stages that belong on a GPU, without the loading of nets."""
    found: dict[str, float] = {}
    for stage in record["stages"]:
        if stage["device"] != "-" and stage["kind"] in ON_GPU:
            took = stage["net_seconds"] or stage["gpu_seconds"] or stage["seconds"]
            found[stage["stage"]] = max(took - stage["load_seconds"], 0.0)
    return found


def base_of(setting: Setting, part: str) -> Path:
    """Base directory of a part's server."""
    return setting.scratch / f"server_{part}"


@contextmanager
def serving(setting: Setting, part: str, family: nets.Family, **settings: Any) -> Iterator[Host]:
    """Start a server, and make the files of a family's nets meanwhile.

    ComfyUI in this process then looks for clips and models where the server does.

    Args:
        setting: of the part.
        part: names its base directory: every part has its own cache and records.
        family: as in ``nets.checkpoint_files``.
        settings: of the pack.
    """
    base, models = base_of(setting, part), setting.scratch / "models"
    models.mkdir(parents=True, exist_ok=True)
    (base / "front").mkdir(parents=True, exist_ok=True)
    (base / "front" / "index.html").write_text("")
    paths = base / "models.yaml"
    folders = dict.fromkeys(("checkpoints", "controlnet", "upscale_models", "frame_interpolation"), str(models))
    paths.write_text(json.dumps({"gpu day": folders}), encoding="utf-8")  # JSON is YAML
    shutil.copyfile(setting.assets / "models" / "frame_interpolation" / INTERPOLATOR, models / INTERPOLATOR)
    upscaler(models / UPSCALER, is_small=setting.rehearse)
    options = ["--front-end-root", str(base / "front"), "--extra-model-paths-config", str(paths)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    if setting.rehearse:
        env["MKL_NUM_THREADS"] = "1"  # of PyTorch: small work on busy cores is slower with several
    with ThreadPoolExecutor(1) as pool:

        def begin(family: nets.Family) -> Future[nets.CheckpointFiles]:
            return pool.submit(checkpoint, models, setting, family)

        files = begin(family)
        log = setting.results.with_suffix(f".{part}.log")  # whatever becomes of the part, it is there to be read
        with running(setting.comfyui, base, is_cpu=setting.rehearse, options=options, env=env, log=log) as server:
            _look_where(base, models)
            host = Host(server, files, begin)
            host.set(**settings)
            yield host


def _look_where(base: Path, models: Path) -> None:
    """Have this process's ComfyUI know what the server knows: estimates ask nodes and files."""
    register_nodes()
    folder_paths.base_path = str(base)
    folder_paths.input_directory, folder_paths.output_directory = str(base / "input"), str(base / "output")
    folder_paths.user_directory = str(base / "user")
    for name in ("checkpoints", "controlnet", "upscale_models", "frame_interpolation"):
        folder_paths.folder_names_and_paths[name] = ([str(models)], set())


def checkpoint(models: Path, setting: Setting, family: nets.Family) -> nets.CheckpointFiles:
    """Files of random nets of a family; whole ones that an earlier part has left are taken."""
    kept = models / f"{family}.json"
    if kept.is_file():
        return nets.CheckpointFiles(*(models / name for name in json.loads(kept.read_text(encoding="utf-8"))))
    files = nets.checkpoint_files(models, setting.rehearse, family)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # the server needs the card
    kept.write_text(json.dumps([files.checkpoint.name, files.control_net.name]), encoding="utf-8")
    return files


def upscaler(path: Path, *, is_small: bool) -> None:
    """Real-ESRGAN x4plus of random weights; its layout with few channels and blocks if it is to be small.

    What it enlarges is still to be seen, since frames that are all the same are not interpolated: its way around the
    blocks passes the picture on, and the blocks count for nothing in the end.
    """
    if path.is_file():
        return
    torch.manual_seed(0)
    net = ESRGAN(num_filters=8, num_blocks=1) if is_small else ESRGAN()
    around = [module for name, module in net.named_modules() if isinstance(module, nn.Conv2d) and "RDB" not in name]
    for place, convolution in enumerate(around):
        nn.init.dirac_(convolution.weight)
        convolution.weight.data *= place != 1  # that is behind the last block
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, path)


@dataclass(frozen=True)
class Film:
    """A clip and its motion in a server's input folder.

    Attributes:
        name: of the clip, without suffix.
        width, height: pixels.
    """

    name: str
    width: int
    height: int

    def motion(self, rate: Fraction = RATE) -> str:
        """The file of its motion at one of two rates."""
        return f"{self.name}_{rate}.safetensors"

    def values(self, side: int = 0) -> dict[str, Any]:
        """Values for ``edit``, which works on the square in its middle at this size, or as large as it is."""
        side = side or min(self.width, self.height)
        return {
            "Load Video.file": f"{self.name}.mp4",
            "Load Video.size": "custom",
            "Load Video.width": side,
            "Load Video.height": side,
            "Load Video.fit": "cover",
            "Extract Pose.file": self.motion(),
            "Draw Pose.width": side,
            "Draw Pose.height": side,
        }


def film(base: Path, name: str, seconds: float, width: int, height: int, of_motion: float = 0.0) -> Film:
    """Put a clip and its motion, in the square in the middle, into a server's input folder.

    Args:
        of_motion: seconds of the motion, where edits take a part of the clip; else it is as long.
    """
    made = Film(name, width, height)
    folder, side = base / "input", min(width, height)
    save(DrawnClip(dancing(seconds, SOURCE_RATE, width, height)), folder / f"{name}.mp4")
    for rate in (SOURCE_RATE, RATE):
        save_motion(dancing(of_motion or seconds, rate, side, side), folder / made.motion(rate))
    return made


def edit(workflow: str, files: nets.CheckpointFiles, values: Mapping[str, Any]) -> Prompt:
    """A shipped workflow with the random nets, and a motion from a file in place of Extract Pose.

    Args:
        workflow: its name in ``workflows/api``.
        files: of ``checkpoint``.
        values: more, by ``Title.input``.
    """
    prompt: Prompt = json.loads((ROOT / "workflows" / "api" / f"{workflow}.json").read_text(encoding="utf-8"))
    for node in prompt.values():
        if node["class_type"] == "FrugalExtractPose":
            node.update(class_type="FrugalLoadMotion", inputs={"file": "", "frame_rate": 12.0})
    names = {
        "Checkpoint.ckpt_name": files.checkpoint.name,
        "ControlNet.control_net_name": files.control_net.name,
        "Upscale Model.model_name": UPSCALER,
        "RIFE.model_name": INTERPOLATOR,
    }
    made: Prompt = with_values(prompt, names | dict(values))
    return made
