"""The GPU and the settings over HTTP.

GET  /frugal-motion/gpu        device, memory, loaded models, seconds without work and until models are unloaded
POST /frugal-motion/unload     {"free_memory": false}: as soon as nothing runs; with true, results in RAM go too
POST /frugal-motion/prewarm    {"prompt": a workflow in API form}: queues the loading of its models
GET  /frugal-motion/settings   values, what they mean and may be, and which the environment has set
POST /frugal-motion/settings   {"idle_minutes": 10, ...}: holds at once, and after a restart
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import comfy.model_management as management
from aiohttp import web

from ..economy.idle_watch import IdleWatch, look_at
from ..economy.prewarming import prewarming
from ..errors import InputError
from ..host.queue import enqueue
from ..host.settings import OWNER_ONLY, SECRET, Settings, change_settings, environment_name, settings, settings_file
from .answers import PREFIX, answering, json_answer, json_object

_LARGEST_SETTINGS = 100_000
"""Bytes: every name that is none gets words of its own, in the answer too."""


def gpu_state(queue: Any, watch: IdleWatch) -> dict[str, Any]:
    """What ``GET /frugal-motion/gpu`` answers."""
    device = management.get_torch_device()
    busy, prompts = look_at(queue)
    return {
        "device": management.get_torch_device_name(device),
        "total_bytes": management.get_total_memory(device),
        "free_bytes": management.get_free_memory(device),
        "models": [_loaded(entry) for entry in list(management.current_loaded_models) if entry.model is not None],
        "busy": busy,
        "prompts": prompts,
        "idle_seconds": round(watch.seconds(), 1),
        "unload_in_seconds": watch.left(),
        "idle_unloads": watch.unloaded,
    }


def _loaded(entry: Any) -> dict[str, Any]:
    return {"name": type(entry.model.model).__name__, "bytes": entry.model_loaded_memory(), "device": str(entry.device)}


def settings_state() -> dict[str, Any]:
    """What ``GET /frugal-motion/settings`` answers."""
    return {
        "values": {**settings().model_dump(), **dict.fromkeys(SECRET, "")},
        "schema": Settings.model_json_schema()["properties"],
        "from_environment": [name for name in Settings.model_fields if environment_name(name) in os.environ],
        "not_over_http": sorted(OWNER_ONLY),
        "file": str(settings_file()),
    }


def add_machine_routes(server: Any, watch: IdleWatch) -> None:
    """Add the routes to ComfyUI's ``PromptServer``."""
    routes, queue = server.routes, server.prompt_queue

    async def get_gpu(_: web.Request) -> web.Response:
        return json_answer(await asyncio.to_thread(gpu_state, queue, watch))

    async def post_unload(request: web.Request) -> web.Response:
        given = await json_object(request, {"free_memory"})
        free = given.get("free_memory", False)
        if not isinstance(free, bool):
            raise InputError("free_memory", repr(free), "true or false")
        queue.set_flag("free_memory" if free else "unload_models", True)
        return json_answer({"free_memory": free}, status=202)

    async def post_prewarm(request: web.Request) -> web.Response:
        prompt = (await json_object(request, {"prompt"})).get("prompt")
        if not isinstance(prompt, dict):
            raise InputError("prompt", repr(prompt)[:200], "a workflow in API form")
        return json_answer({"prompt_id": await enqueue(server, prewarming(prompt))}, status=202)

    async def get_settings(_: web.Request) -> web.Response:
        return json_answer(settings_state())

    async def post_settings(request: web.Request) -> web.Response:
        change_settings(await json_object(request, largest=_LARGEST_SETTINGS))
        return json_answer(settings_state())

    routes.get(f"{PREFIX}/gpu")(answering(get_gpu))
    routes.post(f"{PREFIX}/unload")(answering(post_unload))
    routes.post(f"{PREFIX}/prewarm")(answering(post_prewarm))
    routes.get(f"{PREFIX}/settings")(answering(get_settings))
    routes.post(f"{PREFIX}/settings")(answering(post_settings))
