#!/usr/bin/env python3
"""Run an API workflow on a ComfyUI server and fetch what comes out.

    python run.py motion_edit.json --set "Load Video.file=dance.mp4" --server http://127.0.0.1:8188 --output out

``--set "Title.input=value"`` changes an input of the node with that title; a local file given to an input that takes
uploads is uploaded first. Progress goes to stderr; the outputs' paths, or with ``--json`` one JSON object, to stdout.
Without ``--server`` it starts a server of its own (in a clone of the pack, after ``make models``). Ctrl-C ends the run.
With ``--job`` it asks a server that has the pack for a job, which shares the sampler with those of others.
``--stand-ins`` takes the small models and frames that ``make demo`` took; what ``--set`` gives goes before.
Needs aiohttp, which every ComfyUI has, and nothing else of the pack, so copy it where you like; only ``--stand-ins``
reads a file that lies in the pack.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

try:
    import aiohttp
except ImportError:
    sys.exit("run.py needs aiohttp. Run it with ComfyUI's Python; in a clone of the pack that is .venv/bin/python.")

Json = dict[str, Any]
Collected = tuple[list[Json], list[Json]]

UPLOAD_FLAGS = ("image_upload", "video_upload", "audio_upload", "file_upload", "animated_image_upload")
RECONNECTS = 5
COUNT = "frugal_count"  # of the frames of a sequence, at the first of them
LOOK_EVERY = 0.5  # seconds
AWAY_SECONDS = 300.0
"""That the server of a job may be away, as to be started anew."""
STAND_INS = Path(__file__).resolve().parent.parent / "nodes" / "models" / "stand_ins.json"
SHOWN_NAMES = 8
NOT_OFFERED = "Value not in list"  # in the words of ComfyUI
TOKEN = "FRUGAL_MOTION_JOBS_TOKEN"  # noqa: S105  the environment variable that has it, as on the server


class RunError(RuntimeError):
    """The run cannot start or has failed; the message is for the user."""


@dataclass(frozen=True)
class Setting:
    """One ``--set``: an input of one node and the text given for it."""

    node: str
    input: str
    text: str


# ── the workflow ────────────────────────────────────────────────────────────────────────────────────────────────────


def load_workflow(path: Path) -> Json:
    """Read an API workflow: node ids to ``{"class_type", "inputs", "_meta"}``.

    Raises:
        RunError: no such file, no JSON, or the editor's own format.
    """
    try:
        workflow = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read the workflow {path}: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    if isinstance(workflow, dict) and workflow and all(_is_node(node) for node in workflow.values()):
        return workflow
    raise RunError(f"{path} is not an API workflow; in the editor use Workflow > Export (API)")


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and "class_type" in node and isinstance(node.get("inputs"), dict)


def title_of(workflow: Json, node_id: str) -> str:
    """The node's title, or its class where it has none."""
    node = workflow.get(node_id, {})
    return str(node.get("_meta", {}).get("title") or node.get("class_type") or node_id)


def find_setting(workflow: Json, text: str) -> Setting:
    """Resolve ``Title.input=value``. A node's id serves as well as its title, and tells equal titles apart.

    Raises:
        RunError: no such title, or several; the message lists what there is.
    """
    path, equals, value = text.partition("=")
    if not equals or "." not in path:
        raise RunError(f'--set {text!r}: write "Title.input=value"')
    dots = [i for i, character in enumerate(path) if character == "."]
    for dot in reversed(dots):  # titles and inputs may both have dots
        name, key = path[:dot].strip(), path[dot + 1 :].strip()
        found = [name] if name in workflow else [i for i in workflow if title_of(workflow, i) == name]
        if len(found) == 1:
            return Setting(found[0], key, value)
        if found:
            raise RunError(f"--set {text!r}: {len(found)} nodes are titled {name!r}; use an id: {', '.join(found)}")
    titles = ", ".join(sorted({repr(title_of(workflow, node_id)) for node_id in workflow}))
    raise RunError(f"--set {text!r}: no node is titled {path[: dots[-1]]!r}; there are {titles}")


def stand_ins(workflow: Json) -> list[Setting]:
    """What ``make demo`` sets in a workflow until the models that it names are there, as far as it has such nodes.

    Raises:
        RunError: the file that says what is not there, or the workflow has nothing of it.
    """
    if not STAND_INS.is_file():
        raise RunError(f"--stand-ins: no file {STAND_INS}; it lies in the pack, where this script comes from")
    inputs = {f"{title_of(workflow, i)}.{key}" for i, node in workflow.items() for key in node["inputs"]}
    found = [find_setting(workflow, f"{name}={value}") for name, value in _stand_ins().items() if name in inputs]
    if not found:
        raise RunError(f"--stand-ins: the workflow has none of {', '.join(_stand_ins())}")
    return found


def _stand_ins() -> dict[str, str]:
    """Values by ``Title.input``; none where this script lies elsewhere than in the pack."""
    if not STAND_INS.is_file():
        return {}
    groups: dict[str, dict[str, str]] = json.loads(STAND_INS.read_text(encoding="utf-8"))
    return {name: value for group in groups.values() for name, value in group.items()}


def parse_value(text: str, kind: str) -> Any:
    """Read a value as the input's type has it: ``INT``, ``FLOAT``, ``BOOLEAN``; anything else is text.

    Raises:
        ValueError: the text is no such value.
    """
    if kind == "INT":
        return int(text)
    if kind == "FLOAT":
        return float(text)
    if kind == "BOOLEAN":
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]
    return text


def kind_of(value: Any) -> str:
    """The type of a value that is in the workflow already."""
    kinds = {bool: "BOOLEAN", int: "INT", float: "FLOAT"}
    return kinds.get(type(value), "STRING")


# ── the server ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Client:
    """ComfyUI's HTTP interface, as far as a run needs it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url, self.id = session, url.rstrip("/"), uuid.uuid4().hex
        token = os.environ.get(TOKEN)
        self.jobs_headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str) -> Any:
        async with self.session.get(self.url + path) as reply:
            reply.raise_for_status()
            return await reply.json()

    async def post(self, path: str, body: Json) -> tuple[int, Any]:
        async with self.session.post(self.url + path, json=body) as reply:
            return reply.status, await reply.json() if "json" in reply.content_type else await reply.text()

    async def inputs_of(self, class_type: str) -> dict[str, list[Any]]:
        """The inputs of a node class: name to ``[type, options]``; empty for a class the server does not know."""
        info = (await self.get(f"/object_info/{class_type}")).get(class_type, {}).get("input", {})
        return {**info.get("required", {}), **info.get("optional", {})}

    async def choices(self, class_type: str, key: str) -> list[Any] | None:
        """What an input offers to choose from; ``None`` for one that is no list."""
        kind, options = (*(await self.inputs_of(class_type)).get(key, []), None, None)[:2]
        offered = kind if isinstance(kind, list) else options.get("options") if isinstance(options, dict) else None
        return offered if isinstance(offered, list) else None

    async def catalogue(self) -> dict[str, Json]:
        """The models that a server with the pack knows, by name: folder and link."""
        try:
            return {model["name"]: model for model in (await self.get("/frugal-motion/models"))["models"]}
        except aiohttp.ClientResponseError:  # a server without the pack
            return {}

    async def upload(self, path: Path) -> str:
        """Bring a file into the input folder; the server numbers the name if another file has it already."""
        with path.open("rb") as file:
            form = aiohttp.FormData(quote_fields=False)  # else the server stores "my%20clip.mp4"
            form.add_field("image", file, filename=path.name)
            async with self.session.post(f"{self.url}/upload/image", data=form) as reply:
                if reply.status == 413:
                    raise RunError(f"{path}: larger than the server's --max-upload-size")
                reply.raise_for_status()
                answer = await reply.json()
        return "/".join(filter(None, (answer["subfolder"], answer["name"])))

    async def bring(self, path: Path) -> str:
        """Bring a file into the input folder for a job, under a name of its content; nothing is sent that is there.

        A server that knows no such route, or takes no file of that kind by it, gets an upload.
        """
        name = await asyncio.to_thread(_sha256, path) + path.suffix.lower()
        address = f"{self.url}/frugal-motion/inputs/{quote(name, safe='')}"
        async with self.session.head(address, headers=self.jobs_headers) as reply:
            if reply.status == 200:
                return name
        with path.open("rb") as file:
            async with self.session.put(address, data=file, headers=self.jobs_headers) as reply:
                if reply.status in (200, 201):
                    return name
                if reply.status == 413:
                    raise RunError(f"{path}: larger than the server's --max-upload-size")
                if reply.status not in (404, 405, 415):
                    raise RunError(f"{path}: the server answers {reply.status}: {await reply.text()}")
        return await self.upload(path)

    async def queue(self, workflow: Json) -> str:
        """Queue the workflow and return the prompt's id.

        Raises:
            RunError: the server refuses it or any of its outputs; nothing stays in the queue.
        """
        status, answer = await self.post("/prompt", {"prompt": workflow, "client_id": self.id})
        if not isinstance(answer, dict):
            raise RunError(f"the server answers {status}: {answer}")
        refused = await _refusals(self, workflow, answer)
        if refused and "prompt_id" in answer:  # some outputs are valid, and would run
            await self.cancel(answer["prompt_id"])
        if refused or status != 200:
            raise RunError("\n".join(refused) or f"the server answers {status}: {answer}")
        return str(answer["prompt_id"])

    async def cancel(self, prompt_id: str) -> None:
        """Take a prompt out of the queue, or interrupt it if it runs."""
        await self.post("/queue", {"delete": [prompt_id]})
        await self.post("/interrupt", {"prompt_id": prompt_id})

    async def jobs(self, method: str, path: str = "", body: Json | None = None) -> Json:
        """Ask for a job, about one or to cancel it.

        Raises:
            RunError: the server refuses; says why.
        """
        address = f"{self.url}/frugal-motion/jobs{path}"
        async with self.session.request(method, address, json=body, headers=self.jobs_headers) as reply:
            answer = await reply.json() if "json" in reply.content_type else {"error": await reply.text()}
            if reply.status >= 400:
                raise RunError(f"the server answers {reply.status}: {answer['error']}")
            return dict(answer)

    async def history(self, prompt_id: str) -> Json | None:
        """What the server remembers of a finished prompt."""
        entry: Json | None = (await self.get(f"/history/{prompt_id}")).get(prompt_id)
        return entry

    async def download(self, file: Json, folder: Path) -> Path:
        """Fetch one output, a file or a folder of numbered files, into ``folder``, under a free name."""
        folder.mkdir(parents=True, exist_ok=True)
        sequence = _sequence(file)
        target = _free_path(folder / _last(file["subfolder"] if sequence else file["filename"]))
        part = target.with_name(f".{target.name}.part")
        try:
            if sequence:
                part.mkdir(exist_ok=True)
            for name in sequence:
                await self._fetch({**file, "filename": name}, part / name)
            if not sequence:
                await self._fetch(file, part)
            os.replace(part, target)
        finally:
            if part.is_dir():
                shutil.rmtree(part)
            part.unlink(missing_ok=True)
        return target

    async def _fetch(self, file: Json, target: Path) -> None:
        query = {key: file.get(key, "") for key in ("filename", "subfolder", "type")}
        async with self.session.get(f"{self.url}/view", params=query) as reply:
            reply.raise_for_status()
            with target.open("wb") as out:
                async for block in reply.content.iter_chunked(1 << 20):
                    out.write(block)


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            whole.update(block)
    return whole.hexdigest()


def _sequence(file: Json) -> list[str]:
    """The names of the numbered files of which this is the first (``000001.png``); none if it is a file by itself."""
    stem, dot, ending = str(file["filename"]).rpartition(".")
    count = file.get(COUNT)
    if not isinstance(count, int) or not (stem.isascii() and stem.isdigit() and ending.isalnum()):
        return []
    return [f"{number:0{len(stem)}}{dot}{ending}" for number in range(int(stem), int(stem) + count)]


def _last(path: str) -> str:
    """The last part of a server's path: what it says must not lead out of our folder."""
    name = Path(path.replace("\\", "/")).name
    return name if name.strip(". ") else "output"


async def _refusals(client: Client, workflow: Json, answer: Json) -> list[str]:
    """A line for every input that the server refuses; several where there is something to choose instead."""
    lines = [
        await _refusal(client, workflow, node_id, node["class_type"], problem)
        for node_id, node in (answer.get("node_errors") or {}).items()
        for problem in node["errors"]
    ]
    error = answer.get("error")
    if lines or not error:
        return lines + _stand_ins_hint(lines)
    return [f"{error.get('message')}: {error.get('details') or ''}" if isinstance(error, dict) else str(error)]


async def _refusal(client: Client, workflow: Json, node_id: str, class_type: str, problem: Json) -> str:
    key = problem.get("extra_info", {}).get("input_name")
    if problem.get("type") == "value_not_in_list" and (advice := await _advice(client, workflow, node_id, key)):
        return advice
    return f"{title_of(workflow, node_id)} ({class_type}): {problem['message']}: {problem.get('details', '')}"


async def _advice(client: Client, workflow: Json, node_id: str, key: str) -> str | None:
    """What to do about a value that the server does not offer; ``None`` if it does, or the input is no list."""
    node, title = workflow.get(node_id, {}), title_of(workflow, node_id)
    named = node.get("inputs", {}).get(key)
    offered = await client.choices(node["class_type"], key) if isinstance(named, str) else None
    if offered is None or named in offered:
        return None
    lines = [f"{title} ({node['class_type']}): {key} names {named!r}, which the server does not have"]
    if offered:
        nearest = difflib.get_close_matches(named, map(str, offered), SHOWN_NAMES, cutoff=0)
        more = f" and {len(offered) - len(nearest)} more" if len(offered) > len(nearest) else ""
        name = title if [title_of(workflow, other) for other in workflow].count(title) == 1 else node_id
        lines.append(f"it has {', '.join(map(repr, nearest))}{more}")
        lines.append(f'to take that: --set "{name}.{key}={nearest[0]}"')
    else:
        lines.append("it has none of the kind")
    if known := (await client.catalogue()).get(named):
        lines.append(f"to get what is named: {known['url']} goes into models/{known['folder']}")
    return "\n    ".join(lines)


async def _missing(client: Client, workflow: Json) -> list[str]:
    """Advice on every value of a workflow that the server does not offer."""
    inputs = [(node_id, key) for node_id, node in workflow.items() for key in node["inputs"]]
    found = [advice for node_id, key in inputs if (advice := await _advice(client, workflow, node_id, key))]
    return found + _stand_ins_hint(found)


def _stand_ins_hint(advice: list[str]) -> list[str]:
    """One line more where a model is missing that ``--stand-ins`` has another for."""
    known = any(f'"{name}={value}"' in text for text in advice for name, value in _stand_ins().items())
    return ["--stand-ins takes all that `make demo` took for what is missing"] if known else []


def _free_path(path: Path) -> Path:
    free, number = path, 1
    while free.exists():
        free, number = path.with_stem(f"{path.stem} ({number})"), number + 1
    return free


async def apply_setting(client: Client, workflow: Json, setting: Setting, *, as_job: bool = False) -> None:
    """Put a value into the workflow, by the type that the server declares (else by that of the present value).

    Args:
        as_job: a local file is brought as jobs have it.

    Raises:
        RunError: no such input, or no such value.
    """
    node, title = workflow[setting.node], title_of(workflow, setting.node)
    declared = await client.inputs_of(node["class_type"])
    if setting.input not in node["inputs"] and setting.input not in declared:
        names = ", ".join(dict.fromkeys([*node["inputs"], *declared]))
        raise RunError(f"{title!r} has no input {setting.input!r}; it has {names}")
    kind, options = (*declared.get(setting.input, []), None, None)[:2]
    kind = kind if isinstance(kind, str) else kind_of(node["inputs"].get(setting.input))
    if isinstance(options, dict) and any(options.get(flag) for flag in UPLOAD_FLAGS):
        path = Path(setting.text).expanduser()
        send = client.bring if as_job else client.upload
        node["inputs"][setting.input] = await send(path) if path.is_file() else setting.text
        return
    try:
        node["inputs"][setting.input] = parse_value(setting.text, kind)
    except ValueError as error:
        raise RunError(f"{title}.{setting.input}: {setting.text!r} is not of type {kind}") from error


# ── progress ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Reporter:
    """A bar per node on a terminal, a line per node elsewhere."""

    WIDTH = 30

    def __init__(self, workflow: Json, stream: TextIO) -> None:
        self.workflow, self.stream, self.live = workflow, stream, stream.isatty()
        self.node, self.shown = "", ""

    def start(self, node_id: str) -> None:
        """A node begins."""
        if node_id == self.node:
            return
        self.end()
        self.node = node_id
        self._show(title_of(self.workflow, node_id), final=not self.live)

    def progress(self, node_id: str, value: float, maximum: float) -> None:
        """A node has done ``value`` of ``maximum``."""
        self.start(node_id)
        if not self.live or maximum <= 0:
            return
        done = round(self.WIDTH * min(value / maximum, 1))
        bar = "#" * done + "." * (self.WIDTH - done)
        self._show(f"{title_of(self.workflow, node_id)} [{bar}] {value:g}/{maximum:g}")

    def job(self, now: Json) -> None:
        """A job, which may be one of several in a run, is at a node."""
        if now["node"] != self.node:
            self.end()
            self.node = now["node"]
            self._show(f"{now['node']} ({now['done']} of {now['of']} nodes done)", final=not self.live)

    def cached(self, node_ids: list[str]) -> None:
        """Nodes whose results the server still had."""
        if node_ids:
            self.end()
            self._show("still in memory: " + ", ".join(title_of(self.workflow, i) for i in node_ids), final=True)

    def end(self) -> None:
        """Close the line of the node before."""
        if self.live and self.shown:
            self.stream.write("\n")
        self.node = self.shown = ""

    def _show(self, text: str, *, final: bool = False) -> None:
        erase = "\r\x1b[K" if self.live else ""
        self.stream.write(erase + text + ("\n" if final else ""))
        self.stream.flush()
        self.shown = "" if final else text


async def follow(client: Client, workflow: Json, prompt_id: str, socket: Any, reporter: Reporter) -> bool:
    """Read events of one connection until the prompt ends.

    Returns:
        Whether it has ended; ``False`` when the connection was lost before.

    Raises:
        RunError: a node failed, or the prompt was interrupted.
    """
    async for message in socket:
        if message.type != aiohttp.WSMsgType.TEXT:
            continue
        event = json.loads(message.data)
        kind, data = event.get("type"), event.get("data") or {}
        if data.get("prompt_id") != prompt_id:
            continue
        if kind == "execution_error":
            raise RunError(_failure(workflow, data))
        if kind == "execution_interrupted":
            raise RunError(f"interrupted at {title_of(workflow, data.get('node_id', ''))}")
        if kind == "execution_success" or (kind == "executing" and data.get("node") is None):
            return True
        _report(kind, data, reporter)
    return False


def _report(kind: str, data: Json, reporter: Reporter) -> None:
    if kind == "execution_cached":
        reporter.cached(data["nodes"])
    elif kind == "executing":
        reporter.start(data["node"])
    elif kind == "progress":
        reporter.progress(data["node"], data["value"], data["max"])


def _failure(workflow: Json, data: Json) -> str:
    title, reason = title_of(workflow, data["node_id"]), str(data["exception_message"]).strip()
    kind = str(data["exception_type"]).rpartition(".")[2]  # the rest is the path of a custom node
    return f"{title} ({data['node_type']}) failed with {kind}: {reason}"


# ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def run(
    url: str, workflow: Json, settings: list[Setting], output: Path, *, previews: bool = False, as_job: bool = False
) -> Json:
    """Run a workflow and download what it saved.

    Args:
        url: the server.
        workflow: an API workflow; ``settings`` are applied to it.
        settings: inputs to change.
        output: folder for the files.
        previews: fetch temporary files too.
        as_job: ask the pack for a job.

    Returns:
        ``prompt_id`` (of a job its id), ``seconds``, ``outputs`` (a file or folder of frames each: node, title, class,
        type, path) and ``ui`` (what nodes showed besides files: node, title, class, data).

    Raises:
        RunError: the server cannot be reached, refuses the workflow, or a node fails.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=30)) as session:
        client = Client(session, url)
        try:
            for setting in settings:
                await apply_setting(client, workflow, setting, as_job=as_job)
            started = time.monotonic()
            prompt_id, entry = await (_do_job if as_job else _execute)(client, workflow)
            seconds = time.monotonic() - started
            outputs, shown = await _collect(client, workflow, entry, output, previews)
        except (aiohttp.ClientError, OSError) as error:
            raise RunError(f"lost the server at {url}: {error}") from error
    return {"prompt_id": prompt_id, "seconds": round(seconds, 3), "outputs": outputs, "ui": shown}


async def _execute(client: Client, workflow: Json) -> tuple[str, Json]:
    """Queue, watch until the end, and return the prompt's id and history."""
    reporter = Reporter(workflow, sys.stderr)
    address = f"{client.url}/ws?clientId={client.id}"
    async with client.session.ws_connect(address, heartbeat=None, max_msg_size=0) as socket:
        prompt_id = await client.queue(workflow)
        try:
            entry = await _watch(client, workflow, prompt_id, socket, reporter)
        except asyncio.CancelledError:  # Ctrl-C
            await client.cancel(prompt_id)
            raise
        finally:
            reporter.end()
    return prompt_id, entry


async def _do_job(client: Client, workflow: Json) -> tuple[str, Json]:
    """As :func:`_follow_job`; a job that is refused for what the server does not have says what it has."""
    try:
        return await _follow_job(client, workflow)
    except RunError as error:
        advice = await _missing(client, workflow) if NOT_OFFERED in str(error) else []
        raise RunError("\n".join(advice) or str(error)) from error


async def _follow_job(client: Client, workflow: Json) -> tuple[str, Json]:
    """Ask for a job, wait for its end, and return its id and what a history would say of it."""
    reporter = Reporter(workflow, sys.stderr)
    job = await client.jobs("POST", body={"workflow": workflow})
    path = f"/{job['job_id']}"
    try:
        while job["state"] in ("queued", "running"):
            if now := job["progress"]:
                reporter.job(now)
            await asyncio.sleep(LOOK_EVERY)
            job = await _look(client, path)
    except asyncio.CancelledError:  # Ctrl-C
        await client.jobs("DELETE", path)
        raise
    finally:
        reporter.end()
    if job["state"] != "done":
        raise RunError(job["error"] or f"the job is {job['state']}")
    return job["job_id"], {"outputs": {result["node"]: result["data"] for result in job["results"]}}


async def _look(client: Client, path: str) -> Json:
    """A job as it is now. A server that is away for a while still knows it when it comes back."""
    until = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return await client.jobs("GET", path)
        except (aiohttp.ClientError, OSError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(LOOK_EVERY)


async def _watch(client: Client, workflow: Json, prompt_id: str, socket: Any, reporter: Reporter) -> Json:
    """Follow a prompt to its end, over more than one connection if need be."""
    ended = await follow(client, workflow, prompt_id, socket, reporter)
    for _ in range(RECONNECTS):
        if entry := await client.history(prompt_id):
            _raise_failure(workflow, entry)
            return entry
        if ended:  # the server tells of the end a moment before it writes the history
            await asyncio.sleep(0.2)
            continue
        await asyncio.sleep(1)
        async with client.session.ws_connect(f"{client.url}/ws?clientId={client.id}", max_msg_size=0) as again:
            ended = await follow(client, workflow, prompt_id, again, reporter)
    raise RunError(f"the server does not remember the prompt {prompt_id}")


def _raise_failure(workflow: Json, entry: Json) -> None:
    """Raise what a prompt, which ended while nobody listened, failed with."""
    for kind, data in entry.get("status", {}).get("messages", []):
        if kind == "execution_error":
            raise RunError(_failure(workflow, data))
        if kind == "execution_interrupted":
            raise RunError("interrupted")


async def _collect(client: Client, workflow: Json, entry: Json, output: Path, previews: bool) -> Collected:
    """Download files, and gather what else the nodes showed."""
    files: list[Json] = []
    shown: list[Json] = []
    for node_id, result in entry["outputs"].items():
        class_type = workflow.get(node_id, {}).get("class_type")
        node = {"node": node_id, "title": title_of(workflow, node_id), "class": class_type}
        data: Json = {}
        for key, values in result.items():
            for file in filter(_is_file, values):
                if previews or file.get("type") == "output":
                    path = await client.download(file, output)
                    name = path.name if path.is_dir() else file["filename"]
                    files.append({**node, "type": file.get("type"), "file": name, "path": str(path)})
            rest = [value for value in values if not _is_file(value)]
            if rest and key != "animated":  # which only says how the editor should draw the files
                data[key] = rest
        if data:
            shown.append({**node, "data": data})
    return files, shown


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and "filename" in value


@contextmanager
def own_server() -> Iterator[str]:
    """A server of our own, in a clone of the pack that has been set up.

    Raises:
        RunError: this is no such clone, or the server does not start.
    """
    pack = Path(__file__).resolve().parent.parent
    inside = pack.parent.parent  # ComfyUI/custom_nodes/<pack>
    places = [os.environ.get("COMFYUI_PATH"), pack / ".comfyui", inside if pack.parent.name == "custom_nodes" else None]
    comfyui = next((Path(place) for place in places if place and (Path(place) / "main.py").is_file()), None)
    if not comfyui or not (pack / "tools" / "server.py").is_file():
        raise RunError("no server: give --server URL, or run `make models` in a clone of the pack first")
    sys.path.insert(0, str(pack))
    from tools import server

    print("starting ComfyUI…", file=sys.stderr, flush=True)
    try:
        with server.running(comfyui, pack / ".cache" / "comfyui", assets=pack / ".assets") as running:
            yield running.url
    except server.ServerError as error:
        raise RunError(str(error)) from error


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workflow", type=Path, help="API workflow (.json)")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar='"TITLE.INPUT=VALUE"')
    parser.add_argument("--server", metavar="URL", help="a running ComfyUI (default: start one)")
    parser.add_argument("--output", type=Path, default=Path("output"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--stand-ins", action="store_true", help="the small models and frames that `make demo` took")
    parser.add_argument("--job", action="store_true", help=f"as a job of the pack; a token is taken from ${TOKEN}")
    parser.add_argument("--previews", action="store_true", help="fetch temporary files too")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of paths")
    options = parser.parse_args(arguments)
    try:
        workflow = load_workflow(options.workflow)
        settings = stand_ins(workflow) if options.stand_ins else []
        settings += [find_setting(workflow, text) for text in options.settings]
        with _given(options.server) if options.server else own_server() as url:
            job = {"previews": options.previews, "as_job": options.job}
            result = asyncio.run(run(url, workflow, settings, options.output, **job))
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    if options.json:
        # Nodes may have shown NaN, which Python reads and writes but JSON does not have.
        print(json.dumps(json.loads(json.dumps(result), parse_constant=lambda _: None)))
    else:
        print("\n".join(file["path"] for file in result["outputs"]))
    return 0


@contextmanager
def _given(url: str) -> Iterator[str]:
    yield url


if __name__ == "__main__":
    sys.exit(main())
