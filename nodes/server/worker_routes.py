"""What a ComfyUI does for the fleet's worker that owns it.

POST /frugal-motion/worker/batch   an order (``fleet.order.Order``), answered in lines of JSON as they come
GET  /frugal-motion/worker         versions, card, price, memory and models (``fleet.about.About``)

Both demand ``Authorization: Bearer`` and the secret that the worker has made for this process.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from ..economy.local_price import price_here
from ..economy.run_keeper import RunKeeper
from ..errors import InputError
from ..fleet.about import About
from ..fleet.order import Order
from ..fleet.version import pack_version
from ..host.comfyui import comfyui_version
from ..host.folders import all_models
from ..host.models import compute_device, free_memory, holds_weights, this_device, total_memory
from ..jobs.batch import Batch
from ..jobs.comfy_queue import QueueMachine, kind_of
from ..jobs.merge import merged
from ..jobs.outcome import Ended, is_complete
from ..strict_json import to_json
from .answers import PREFIX, Handler, Refusal, answering, json_answer, json_object
from .needs import models_needed

logger = logging.getLogger(__name__)

LARGEST = 1 << 30
"""Bytes of an order: the gateway has limited the jobs in it."""
_LOOK_EVERY = 0.5  # seconds
_GONE = "nobody reads the answer any more"

Line = dict[str, Any]
Tell = Callable[[Line], Awaitable[None]]


class OwnedRuns:
    """Runs batches for the worker, one after the other.

    Args:
        server: ComfyUI's ``PromptServer``.
    """

    def __init__(self, server: Any) -> None:
        self._queue = server.prompt_queue
        self._machine = QueueMachine(server)
        self._turn = asyncio.Lock()
        self._seen: set[str] = set()
        self._named: frozenset[str] = frozenset()
        self._records: dict[str, Line] = {}

    def kept(self, record: Mapping[str, Any]) -> None:
        """Hear of a run that has been kept."""
        self._records[record["run"]] = dict(record)

    async def run(self, order: Order, keeper: RunKeeper, tell: Tell, is_gone: Callable[[], bool]) -> None:
        """Run a batch.

        Args:
            keeper: of what runs cost; it tells ``kept``.
            tell: is given the lines, and raises ``ConnectionError`` if nobody reads them.
            is_gone: whether nobody does; the run is then interrupted.

        Raises:
            ConnectionError: nobody reads any more.
        """
        async with self._turn:  # a run that was interrupted may not have obeyed yet
            if is_gone():
                raise ConnectionResetError(_GONE)
            await self._forget(order)
            lines: asyncio.Queue[Line | None] = asyncio.Queue()
            try:
                batch = _Told([], merged(order.prompts, kind_of), lambda _: None, order.run, lines=lines)
            except InputError as error:
                await tell(_last(Ended("refused", error=error.found)))
                return
            running = asyncio.create_task(self._machine.run(batch))
            running.add_done_callback(lambda _: lines.put_nowait(None))
            try:
                while (line := await _next(lines, is_gone)) is not None:
                    await tell(line)
            finally:
                await self._stop(running, batch)
                await keeper.look()
                record, self._records = self._records.get(order.run), {}
            await tell(_last(running.result(), record, batch.merged.owners))

    async def _stop(self, running: asyncio.Task[Ended], batch: Batch) -> None:
        """Interrupt the run, if it has not ended, until it obeys."""
        while not running.done():
            self._machine.withdraw(batch, even_if_running=True)
            await asyncio.sleep(_LOOK_EVERY)

    async def _forget(self, order: Order) -> None:
        """Let ComfyUI work anew for jobs that have run here before: their files have been taken away since.

        Weights stay, and so does what the pack's cache has.
        """
        self._named = frozenset().union(*map(models_needed, order.prompts))
        again = not self._seen.isdisjoint(order.jobs)
        self._seen.update(order.jobs)
        if not again:
            return
        self._queue.set_flag("unload_models", False)
        self._queue.set_flag("free_memory", True)
        while self._queue.get_flags(reset=False):  # the queue's thread takes them, and obeys before it looks for work
            await asyncio.sleep(_LOOK_EVERY / 10)

    def about(self) -> About:
        """What the worker cannot know by itself."""
        device = compute_device()
        return About(
            worker="",
            pack=pack_version(),
            comfyui=comfyui_version(),
            card=this_device(),
            price=price_here(),
            memory=total_memory(device),
            free_memory=free_memory(device),
            models=all_models(),
            loaded=self._named if holds_weights() else frozenset(),
        )


class _Told(Batch):
    """A batch that says in lines what happens.

    The worker keeps to itself whose files a node shows (``places``), and which of those jobs save nothing more
    (``complete``).
    """

    def __init__(self, *given: Any, lines: asyncio.Queue[Line | None]) -> None:
        super().__init__(*given)
        self._lines = lines

    def at(self, node: str, value: float = 0.0, maximum: float = 0.0) -> None:
        super().at(node, value, maximum)
        self._lines.put_nowait({"at": node, "value": value, "max": maximum})

    def skipped(self, nodes: Any) -> None:
        nodes = list(nodes)
        super().skipped(nodes)
        self._lines.put_nowait({"skipped": nodes})

    def shown(self, node: str, output: Mapping[str, Any]) -> None:
        super().shown(node, output)
        places = self.merged.owners.get(node, ())
        complete = [place for place in places if is_complete(self.merged, self.outputs, place, kind_of)]
        self._lines.put_nowait({"shown": node, "output": output, "places": list(places), "complete": complete})


async def _next(lines: asyncio.Queue[Line | None], is_gone: Callable[[], bool]) -> Line | None:
    while not is_gone():
        try:
            return await asyncio.wait_for(lines.get(), _LOOK_EVERY)
        except asyncio.TimeoutError:
            continue
    raise ConnectionResetError(_GONE)


def _failed(error: Exception) -> Ended:
    return Ended("error", error=str(error) or type(error).__name__, kind=type(error).__name__)


def _last(ended: Ended, record: Line | None = None, owners: Mapping[str, tuple[int, ...]] | None = None) -> Line:
    """The last line. The worker keeps ``places`` to itself: whose files the outputs of a node are."""
    places = {node: list((owners or {}).get(node, ())) for node in ended.outputs}
    return {"ended": dict(vars(ended)), "record": record, "places": places}


def add_worker_routes(server: Any, secret: str, runs: OwnedRuns, keeper: RunKeeper) -> None:
    """Add the routes to ComfyUI's ``PromptServer``."""

    def owned(handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            if not hmac.compare_digest(given, f"Bearer {secret}".encode()):
                raise Refusal(401, "only the worker that owns this ComfyUI may ask", {"WWW-Authenticate": "Bearer"})
            return await handler(request)

        return answering(answer)

    async def post_batch(request: web.Request) -> web.StreamResponse:
        order = _order(await json_object(request, largest=LARGEST))
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)

        async def tell(line: Line) -> None:
            await answer.write(to_json(line).encode() + b"\n")

        try:
            await runs.run(order, keeper, tell, lambda: request.transport is None or request.transport.is_closing())
        except ConnectionError:
            logger.warning("the run %s was interrupted: who had asked for it is gone", order.run)
        except Exception as error:  # the answer has begun: it must have an end
            logger.exception("a batch could not be run")
            await tell(_last(_failed(error)))
        return answer

    async def get_worker(_: web.Request) -> web.Response:
        return json_answer((await asyncio.to_thread(runs.about)).as_dict())

    server.routes.post(f"{PREFIX}/worker/batch")(owned(post_batch))
    server.routes.get(f"{PREFIX}/worker")(owned(get_worker))


def _order(given: Mapping[str, Any]) -> Order:
    try:
        order = Order.of(given)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("body", f"no order ({error!r})", "run, jobs, prompts, files and inputs") from error
    if not order.prompts or len(order.prompts) != len(order.jobs):
        raise InputError("prompts", f"{len(order.prompts)} of {len(order.jobs)} jobs", "one of each job")
    return order


def end_with_owner() -> None:
    """End this process when the one that holds the other end of its standard input does, however that ends.

    What this process starts gets no standard input: it must not read from that pipe.
    """
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        while os.read(pipe, 4096):
            pass
        os._exit(3)

    threading.Thread(target=wait, name="frugal-motion owner", daemon=True).start()
