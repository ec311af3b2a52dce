"""What a saved file says about how it was made."""

from __future__ import annotations

from typing import Any

from comfy.cli_args import args

from ..host.prompt import own_prompt
from ..strict_json import to_json


def workflow_metadata(hidden: Any) -> dict[str, str]:
    """The prompt and the workflow as JSON, for a node that asks for both as hidden inputs.

    Of a prompt of several jobs, that of the node's job alone. Empty if the user has started ComfyUI with
    ``--disable-metadata``.
    """
    if args.disable_metadata or hidden is None:
        return {}
    values = dict(hidden.extra_pnginfo or {})
    if hidden.prompt is not None:
        values["prompt"] = own_prompt(hidden)[0]
    return {key: as_tag(value) for key, value in values.items()}


def as_tag(value: Any) -> str:
    """A value as JSON; ``null`` for what is none, such as the objects that nodes tell their changes by."""
    return to_json(value, default=lambda _: None)
