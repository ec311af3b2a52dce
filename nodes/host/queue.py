"""ComfyUI's queue of prompts, from the inside."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import execution

from ..errors import InputError


async def enqueue(server: Any, prompt: Mapping[str, Any]) -> str:
    """Put a prompt behind those that wait, as ``POST /prompt`` does, but only if all of it can run.

    Args:
        server: ComfyUI's ``PromptServer``.
        prompt: in API form.

    Returns:
        Its prompt id.

    Raises:
        InputError: ComfyUI does not accept it, or a part of it.
    """
    prompt_id = str(uuid.uuid4())
    is_valid, error, outputs, node_errors = await execution.validate_prompt(prompt_id, prompt, None)
    if not is_valid or node_errors:
        raise InputError("prompt", _reason(error, node_errors), "a workflow that ComfyUI accepts")
    number = server.number
    server.number += 1
    extra = {"create_time": int(time.time() * 1000)}
    server.prompt_queue.put((number, prompt_id, prompt, extra, outputs, {}))
    return prompt_id


def _reason(error: Mapping[str, Any], node_errors: Mapping[str, Any]) -> str:
    details = [
        f"{node['class_type']}: {one['message']} ({one['details']})"
        for node in node_errors.values()
        for one in node["errors"]
    ]
    return "; ".join(details) or str(error.get("message"))
