"""Workers without a ComfyUI: a Serve app as the fleet's, which does what the orders say. Run by ``deploy``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import ray
from ray import serve

folder, options = sys.argv[1], json.loads(sys.argv[2])


@serve.deployment(name="Worker", max_ongoing_requests=1, graceful_shutdown_timeout_s=1, **options)
class Worker:
    """Leaves a line for each run in ``runs``."""

    def __init__(self) -> None:
        self.name = serve.get_replica_context().replica_id.unique_id
        self.done: list[str] = []

    def record_replica_metadata(self) -> dict[str, Any]:
        return {"worker": self.name, "pack": "1", "models": ["a.ckpt", "b.ckpt"], "cold_seconds": 1.5}

    def record_routing_stats(self) -> dict[str, Any]:
        return {"loaded": self.done[-1:], "free_memory": 7}

    async def run(self, order: dict[str, Any]) -> Any:
        what, *arguments = order["run"].split()
        try:
            yield {"at": self.name, "value": os.getpid()}
            if what == "lines":
                for number in range(int(arguments[0])):
                    yield {"at": str(number), "value": order["prompts"]}
            elif what == "print":
                print("what a worker prints", flush=True)
            elif what == "long":
                await asyncio.sleep(60)
            elif what == "break":
                raise RuntimeError("its ComfyUI broke off")
            elif what == "die":
                os._exit(9)
            self.done.append("a.ckpt")
            self.note(what)
        except asyncio.CancelledError:
            self.note("cancelled")
            raise

    def note(self, what: str) -> None:
        with open(f"{folder}/runs", "a") as file:
            print(what, file=file)


ray.init(address="auto", namespace="frugal-motion", log_to_driver=False)
serve.start(proxy_location="Disabled")
serve.run(Worker.bind(), name="frugal-motion", route_prefix=None, blocking=False)
