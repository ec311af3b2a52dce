"""ComfyUI's queue of prompts, from the inside."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import execution

from ..errors import InputError

UNWATCHED_CLIENT = "frugal-motion-jobs"
"""The websocket that ComfyUI tells of the runs of jobs: nobody watches there."""


class Refused(InputError):
    """ComfyUI does not accept a prompt.

    Attributes:
        nodes: ids of those that are to blame, if any is.
    """

    def __init__(self, reason: str, nodes: Iterable[str]) -> None:
        self.nodes = tuple(nodes)
        super().__init__("prompt", reason, "a workflow that ComfyUI accepts")


async def accepted(
    prompt: Mapping[str, Any], prompt_id: str = "", may_lack: Callable[[str], bool] = lambda _: False
) -> list[str]:
    """The output nodes of a prompt, all of which can run.

    Values become what their inputs want, such as 12 in place of "12".

    Args:
        prompt: in API form.
        prompt_id: that it is going to have.
        may_lack: whether something that a node could choose need not be here, such as a model that is elsewhere. Output
            nodes behind one that lacks it are not in the answer.

    Raises:
        Refused: ComfyUI does not accept it, or a part of it.
    """
    is_valid, error, outputs, found = await execution.validate_prompt(prompt_id, prompt, None)
    node_errors = {node_id: left for node_id, node in found.items() if (left := _but_lacking(node, may_lack))}
    if node_errors or not (is_valid or found):
        raise Refused(_reason(error, node_errors), node_errors)
    return list(outputs)


def _but_lacking(node: Mapping[str, Any], may_lack: Callable[[str], bool]) -> Mapping[str, Any] | None:
    """What is wrong with a node but for what may be lacking; ``None`` if that is all."""
    errors = [
        one
        for one in node["errors"]
        if not (one["type"] == "value_not_in_list" and may_lack(str(one["extra_info"].get("received_value"))))
    ]
    return {**node, "errors": errors} if errors else None


async def enqueue(
    server: Any,
    prompt: Mapping[str, Any],
    client: str | None = None,
    prompt_id: str = "",
    place: float | None = None,
) -> str:
    """Put a prompt into the queue, as ``POST /prompt`` does, but only if all of it can run.

    Args:
        server: ComfyUI's ``PromptServer``.
        prompt: in API form.
        client: id of the websocket that is told of its events.
        prompt_id: for it; a new one if empty.
        place: its number in the queue, which runs the lowest first; ``None`` for one behind all that wait.

    Returns:
        Its prompt id.

    Raises:
        Refused: ComfyUI does not accept it, or a part of it.
    """
    prompt_id = prompt_id or str(uuid.uuid4())
    outputs = await accepted(prompt, prompt_id)
    if place is None:
        place = server.number
        server.number += 1
    extra = {"create_time": int(time.time() * 1000), **({"client_id": client} if client else {})}
    server.prompt_queue.put((place, prompt_id, prompt, extra, outputs, {}))
    return prompt_id


def _reason(error: Mapping[str, Any], node_errors: Mapping[str, Any]) -> str:
    details = [
        f"{node['class_type']}: {one['message']} ({one['details']})"
        for node in node_errors.values()
        for one in node["errors"]
    ]
    return "; ".join(details) or str(error.get("message"))
