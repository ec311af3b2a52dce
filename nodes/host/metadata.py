"""What a saved file says about how it was made."""

from __future__ import annotations

import json
from typing import Any

from comfy.cli_args import args
from comfy_execution.utils import get_executing_context

from .job_runs import job_runs


def workflow_metadata(hidden: Any) -> dict[str, str]:
    """The prompt and the workflow as JSON, for a node that asks for both as hidden inputs.

    Of a prompt of several jobs, that of the node's job alone. Empty if the user has started ComfyUI with
    ``--disable-metadata``.
    """
    if args.disable_metadata or hidden is None:
        return {}
    values = dict(hidden.extra_pnginfo or {})
    if hidden.prompt is not None:
        context = get_executing_context()
        origin = job_runs.origin(context.prompt_id, context.node_id) if context else None
        values["prompt"] = origin[0] if origin else hidden.prompt
    return {key: json.dumps(value) for key, value in values.items()}
