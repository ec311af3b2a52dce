"""Jobs over HTTP: clips of many people, sampled together.

POST   /frugal-motion/jobs           {"workflow": …, "values": {"Title.input": …}}: 202, with the job's id
GET    /frugal-motion/jobs           the last jobs; ?client=…&limit=20
GET    /frugal-motion/jobs/{id}      state, position, progress, estimate, results, cost
DELETE /frugal-motion/jobs/{id}      cancels it
GET    /frugal-motion/openapi.json   all of that in words for machines

Websockets are told of every change: ``frugal-motion.job``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from ..errors import InputError
from ..fleet.about import is_model
from ..forecast.workflow_estimate import likely_cost
from ..graph import Prompt
from ..host.folders import output_folder, user_folder
from ..host.queue import accepted
from ..host.settings import settings, settings_problem
from ..jobs.comfy_queue import gathering, kind_of
from ..jobs.gather import batch_key
from ..jobs.job import ENDED, FOLDER, OWN, Job, Request, check_prompt, check_webhook, saved_apart, with_values
from ..jobs.job_store import Full, JobStore, Taken
from ..jobs.runner import Runner
from ..jobs.workers import Workers
from ..strict_json import strict
from .access import authorized
from .answers import PREFIX, Refusal, answering, json_answer, json_object, limit
from .clips import clip_sizes
from .jobs_openapi import description
from .needs import models_needed
from .webhooks import Webhooks

logger = logging.getLogger(__name__)

SHIPPED = Path(__file__).resolve().parents[2] / "workflows" / "api"
EVENT = "frugal-motion.job"
_TIDY_EVERY = 3600.0  # seconds
_PAUSE = 10.0


class Jobs:
    """What the routes share: the store, and the runner beside the queue.

    Args:
        server: ComfyUI's ``PromptServer``.
        workers: what runs the jobs.
    """

    def __init__(self, server: Any, workers: Workers) -> None:
        self._server, self._workers = server, workers
        self.store: JobStore | None = None
        self.runner: Runner | None = None

    async def open(self) -> None:
        """Take up the jobs of the process before; without a store, no jobs are taken.

        So it is where the settings cannot be read: a gateway that does not know of its fleet would run, and fail, all
        that waits for it.
        """
        if problem := settings_problem():
            logger.warning("no jobs are taken here until the next start: %s", problem)
            return
        try:
            store = await asyncio.to_thread(JobStore, user_folder("") / "jobs.sqlite")
            await asyncio.to_thread(_remove_half_done, store, output_folder(FOLDER))
        except (Taken, sqlite3.Error, OSError) as error:
            logger.warning("no jobs are taken here: %s", error)
            return
        self.store = store
        self.runner = Runner(store, self._workers, kind_of, gathering, self._changed)

    async def run(self) -> None:
        """Work until the server stops."""
        if self.store is None or self.runner is None:
            return
        store = self.store
        webhooks = Webhooks(store, lambda: settings().webhook_hosts, self.shown)
        await asyncio.gather(kept_up(self.runner.run), kept_up(webhooks.run), kept_up(lambda: _tidy(store)))

    async def accept(self, asked: Request, workflow: Any, address: str) -> Job:
        """Check what is asked for, and keep it.

        Raises:
            InputError: it cannot be done.
            Full: too many jobs wait.
        """
        store, limits = self.open_store(), settings()
        check_webhook(asked.webhook, limits.webhook_hosts)
        job_id, now = uuid.uuid4().hex, time.time()
        prompt = with_values(check_prompt(_named(workflow) if isinstance(workflow, str) else workflow), asked.values)
        prompt = saved_apart(prompt, job_id)
        is_elsewhere = self._workers.outlive_us
        await accepted(prompt, may_lack=lambda name: is_elsewhere and is_model(name))
        needs = await asyncio.to_thread(models_needed, prompt) if is_elsewhere else ()
        clips = await asyncio.to_thread(clip_sizes, prompt, limits.jobs_clip_seconds)
        job = Job(
            id=job_id,
            prompt=prompt,
            client=asked.client or address,
            key=batch_key(prompt, kind_of, clips),
            created=now,
            deadline=now + asked.deadline_seconds if asked.deadline_seconds else None,
            webhook=asked.webhook,
            needs=sorted(needs),
        )
        job = await asyncio.to_thread(store.add, job, limits.jobs_waiting, limits.jobs_per_client)
        self._changed(job)
        if self.runner:
            self.runner.notice()
        return job

    def has_waiting(self) -> bool:
        """Whether any job waits for others like it, or for its turn."""
        try:
            return self.store is not None and self.store.has_waiting()
        except sqlite3.Error:  # said by who has to do with the jobs
            return False

    def open_store(self) -> JobStore:
        """The store.

        Raises:
            Refusal: there is none, as when another process has it.
        """
        if self.store is None:
            raise Refusal(503, "jobs are not taken here; the log of ComfyUI says why")
        return self.store

    def charge(self, record: Mapping[str, Any]) -> None:
        """Share out what a run has cost among its jobs."""
        stages = list(zip(record["nodes"], record["stages"], strict=True))
        try:
            if self.runner:
                self.runner.charge(record["run"], stages, record["price"])
        except sqlite3.Error as error:
            logger.warning("what the jobs of run %s have cost is not kept: %s", record["run"], error)

    def shown(self, job: Job) -> dict[str, Any]:
        """A job as JSON."""
        store = self.open_store()
        return {
            "job_id": job.id,
            "state": job.state,
            "client": job.client,
            "created": job.created,
            "started": job.started,
            "ended": job.ended,
            "deadline": job.deadline,
            "position": store.ahead(job) + 1 if job.state == "queued" else None,
            "held": self._workers.trouble() if job.state == "queued" else "",
            "progress": self.runner.progress(job) if self.runner and job.state == "running" else None,
            "estimate": None,
            "error": job.error,
            "worker": job.worker,
            "troubles": [asdict(trouble) for trouble in job.troubles],
            "results": [_linked(output, job.id) for output in job.outputs],
            "cost": job.cost,
        }

    def _changed(self, job: Job) -> None:
        progress = self.runner.progress(job) if self.runner and job.state == "running" else None
        event = {"job_id": job.id, "state": job.state, "progress": progress, "error": job.error}
        self._server.send_sync(EVENT, strict(event))


async def kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Work that goes on after a failure, such as of a disk that is full for a while."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("trying again in %.0f s", _PAUSE)
            await asyncio.sleep(_PAUSE)


async def _tidy(store: JobStore) -> None:
    while True:
        await asyncio.to_thread(store.forget, time.time() - settings().jobs_days * 86400)
        await asyncio.sleep(_TIDY_EVERY)


def add_job_routes(server: Any, jobs: Jobs) -> None:
    """Add the routes to ComfyUI's ``PromptServer``."""
    routes = server.routes

    async def post_job(request: web.Request) -> web.Response:
        given = await json_object(request, largest=round(settings().jobs_body_megabytes * 1e6))
        asked = Request.of(given)
        try:
            job = await jobs.accept(asked, given["workflow"], request.remote or "")
        except Full as error:
            raise Refusal(429, f"{error}.", {"Retry-After": "10"}) from error
        return json_answer(jobs.shown(job), status=202)

    async def get_jobs(request: web.Request) -> web.Response:
        newest = jobs.open_store().newest(limit(request), request.query.get("client"))
        return json_answer({"jobs": [jobs.shown(job) for job in newest]})

    async def get_job(request: web.Request) -> web.Response:
        job = _found(jobs, request)
        shown = jobs.shown(job)
        if job.state not in ENDED:
            shown["estimate"] = await asyncio.to_thread(likely_cost, job.prompt)
        return json_answer(shown)

    async def delete_job(request: web.Request) -> web.Response:
        job = _found(jobs, request)
        if not jobs.runner or not jobs.runner.cancel(job.id):
            raise Refusal(409, f"job {job.id} is {job.state}")
        return json_answer(jobs.shown(_found(jobs, request)))

    async def get_description(_: web.Request) -> web.Response:
        return json_answer(description())

    routes.post(f"{PREFIX}/jobs")(answering(authorized(post_job)))
    routes.get(f"{PREFIX}/jobs")(answering(authorized(get_jobs)))
    routes.get(f"{PREFIX}/jobs/{{job}}")(answering(authorized(get_job)))
    routes.delete(f"{PREFIX}/jobs/{{job}}")(answering(authorized(delete_job)))
    routes.get(f"{PREFIX}/openapi.json")(answering(get_description))


def _named(name: str) -> Prompt:
    """A workflow of the pack.

    Raises:
        InputError: there is none of that name.
    """
    shipped = _shipped()
    if name not in shipped:
        raise InputError("workflow", repr(name)[:200], f"a workflow in API form, or {', '.join(sorted(shipped))}")
    prompt: Prompt = json.loads(shipped[name])
    return prompt


@cache
def _shipped() -> dict[str, str]:
    """The pack's workflows in API form, as JSON, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.json")}


def _found(jobs: Jobs, request: web.Request) -> Job:
    job = jobs.open_store().find(request.match_info["job"])
    if job is None:
        raise Refusal(404, f"no job {request.match_info['job']!r} is known")
    return job


def _linked(output: dict[str, Any], job_id: str) -> dict[str, Any]:
    """What a node has shown, with links to its files."""
    data = {key: [_with_url(value, job_id) for value in values] for key, values in output["data"].items()}
    return {**output, "data": data}


def _with_url(value: Any, job_id: str) -> Any:
    if not isinstance(value, dict) or "filename" not in value:
        return value
    first, _, rest = str(value.get("subfolder", "")).partition("/")
    if first == FOLDER and rest.startswith(f"{OWN}/"):
        value = {**value, "subfolder": f"{FOLDER}/{job_id}{rest.removeprefix(OWN)}"}
    query = {name: value.get(name, "") for name in ("filename", "subfolder", "type")}
    return {**value, "url": f"/view?{urlencode(query)}"}


def _remove_half_done(store: JobStore, outputs: Path) -> None:
    """What ran when the process before died runs again: nothing half done stays, and nothing is there twice."""
    for folder in [*(outputs / job.id for job in store.running()), *outputs.glob(".*-*")]:  # that was being fetched
        shutil.rmtree(folder, ignore_errors=True)
