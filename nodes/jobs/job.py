"""What a job is: what people ask for, and the record of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from ..errors import InputError
from ..graph import Prompt, in_order, is_link, title

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})

LONGEST_TEXT = 20_000
Value: TypeAlias = str | int | float | bool
_PLAIN = {"type": ["string", "number", "boolean"], "maxLength": LONGEST_TEXT}


def _plain(value: Any) -> Value:
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"a text of at most {LONGEST_TEXT} characters, a finite number, true or false")


MOST_NODES = 1000
_NODE = {
    "type": "object",
    "required": ["class_type", "inputs"],
    "properties": {"class_type": {"type": "string"}, "inputs": {"type": "object"}, "_meta": {"type": "object"}},
}
_NODE_WORDS = {"class_type": "the name of a class", "inputs": "an object", "_meta": "an object, or nothing"}
_WORKFLOW = {"type": ["string", "object"], "additionalProperties": _NODE, "maxProperties": MOST_NODES}


class Request(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    workflow: Annotated[Any, WithJsonSchema(_WORKFLOW)] = Field(
        description="A workflow in API form, or the name of one of the pack's, such as motion_edit."
    )
    values: dict[str, Annotated[Any, AfterValidator(_plain), WithJsonSchema(_PLAIN)]] = Field(
        default_factory=dict,
        max_length=200,
        description='Values of this job, by "Title.input" as in {"Load Video.file": "dance.mp4"}; a node\'s id serves '
        "as well as its title.",
    )
    client: str = Field(
        default="", max_length=64, description="For whom: jobs of several clients take turns. Default: the address."
    )
    deadline_seconds: float | None = Field(
        default=None, gt=0, le=1e7, description="A job that has not begun by then fails. It shortens the gathering."
    )
    webhook: str = Field(
        default="", max_length=2000, description="Gets the job by POST when it has ended; http or https."
    )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Request:
        """Check what was posted, but for the workflow; see ``check_prompt``.

        Raises:
            InputError: names a field that is not right.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(".".join(map(str, first["loc"])), repr(first["input"])[:200], first["msg"]) from error


@dataclass(frozen=True)
class Trouble:
    """What a job has met on a worker of a fleet.

    Attributes:
        worker: its name.
        kind: ``"lacks"`` if it refuses what the gateway has accepted, ``"broken"`` if it cannot do any work, such as
            with a full disk, ``"killed"`` if its ComfyUI has died.
        why: in words.
        alone: whether no other job ran with it.
    """

    worker: str
    kind: Literal["lacks", "broken", "killed"]
    why: str
    alone: bool


@dataclass(frozen=True)
class Job:
    """A job with all that it needs, but for the files that its prompt names.

    Attributes:
        id: of which nobody can guess another.
        prompt: the workflow with the job's values in it.
        client: for whom.
        key: jobs of one key can be merged; empty for a job that runs alone.
        created: seconds since 1970.
        deadline: likewise; ``None`` for none.
        webhook: URL that is told of the end.
        number: the order in which jobs came.
        most: jobs that it may share a prompt with, itself among them.
        crashes: how often its run has ended without an outcome.
        started, ended: seconds since 1970.
        error: why it has failed.
        outputs: what its nodes have left behind; see ``outcome.outputs_of``.
        cost: its part of what the run has cost.
        needs: names of the files with weights that its nodes name.
        troubles: what it has met on workers.
        run: the run that it is, or was last, a part of.
        worker: of a fleet, on which that is; empty where there is none.
    """

    id: str
    prompt: Prompt
    client: str = ""
    key: str = ""
    created: float = 0.0
    deadline: float | None = None
    webhook: str = ""
    number: int = 0
    state: State = "queued"
    most: int = 64
    crashes: int = 0
    started: float | None = None
    ended: float | None = None
    error: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    cost: dict[str, float] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    run: str = ""
    worker: str = ""


def check_prompt(prompt: Any) -> Prompt:
    """A workflow in API form, as far as that can be told without ComfyUI.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(prompt, dict) or not 0 < len(prompt) <= MOST_NODES:
        found = f"{len(prompt)} nodes" if isinstance(prompt, dict) else repr(prompt)[:200]
        raise InputError("workflow", found, f"a workflow in API form, of 1 to {MOST_NODES} nodes")
    kinds = {"class_type": (str,), "inputs": (dict,), "_meta": (dict, type(None))}
    for node_id, node in prompt.items():
        if not isinstance(node, dict):
            raise InputError(f"workflow.{node_id}", repr(node)[:200], "a node")
        for name, kind in kinds.items():
            if not isinstance(node.get(name), kind):
                raise InputError(f"workflow.{node_id}.{name}", repr(node.get(name))[:200], _NODE_WORDS[name])
    in_order(prompt)
    try:
        json.dumps(prompt, allow_nan=False)
    except ValueError as error:  # 1e999
        raise InputError("workflow", "an infinite number", "finite numbers") from error
    return prompt


def with_values(prompt: Prompt, values: Mapping[str, Value]) -> Prompt:
    """A prompt with values in place of its own.

    Raises:
        InputError: names a value that belongs nowhere, or takes the place of a wire.
    """
    changed = {node_id: {**node, "inputs": dict(node["inputs"])} for node_id, node in prompt.items()}
    for name, value in values.items():
        node_id, key = _place(prompt, name)
        if is_link(prompt[node_id]["inputs"][key]):
            raise InputError(f"values.{name}", "an input that is wired", "inputs with values")
        changed[node_id]["inputs"][key] = value
    return changed


def _place(prompt: Prompt, name: str) -> tuple[str, str]:
    """The node and the input that ``Title.input`` means; titles and inputs may both have dots."""
    for dot in reversed([index for index, letter in enumerate(name) if letter == "."]):
        head, key = name[:dot].strip(), name[dot + 1 :].strip()
        found = [head] if head in prompt else [node_id for node_id in prompt if title(prompt, node_id) == head]
        if len(found) > 1:
            raise InputError(f"values.{name}", f"{len(found)} nodes of that title", f"an id: {', '.join(found)}")
        if found and key in prompt[found[0]]["inputs"]:
            return found[0], key
        if found:
            raise InputError(f"values.{name}", f"no input {key!r}", ", ".join(prompt[found[0]]["inputs"]))
    titles = sorted({title(prompt, node_id) for node_id in prompt})
    raise InputError(f"values.{name}", "no such node", f"Title.input, with a title of {', '.join(titles)}")


def check_webhook(url: str, hosts: frozenset[str]) -> None:
    """Whether a URL may be told of a job's end.

    Raises:
        InputError: it is none, or its host is not one of those that the owner allows.
    """
    if not url:
        return
    try:
        parts = urlsplit(url)
        name, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InputError("webhook", repr(url)[:200], "a URL") from error
    if parts.scheme not in ("http", "https") or not name or parts.username is not None:
        raise InputError("webhook", repr(url)[:200], "a URL with http or https, without a user")
    if name not in hosts:
        raise InputError("webhook", f"the host {name!r}", ", ".join(sorted(hosts)) or "none: set jobs_webhooks")


def saved_apart(prompt: Prompt, job_id: str) -> Prompt:
    """A prompt whose files go to a folder of the job: ``jobs/<id>`` in ComfyUI's output folder."""
    apart = dict(prompt)
    for node_id, node in prompt.items():
        prefix = node["inputs"].get("filename_prefix")
        if isinstance(prefix, str):
            name = prefix.replace("\\", "/").rsplit("/", 1)[-1].strip(". ") or "result"
            inputs = {**node["inputs"], "filename_prefix": f"{FOLDER}/{job_id}/{name}"}
            apart[node_id] = {**node, "inputs": inputs}
    return apart


FOLDER = "jobs"
"""In ComfyUI's output folder, with a folder for each job."""
OWN = "~"
"""In place of a job's id in the subfolder of a file: the job's that shows it, as several may show the same."""
