"""What the driver asks of Ray beyond Serve's handles. What is private there is used in one function each."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import ray
from ray import serve
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray._private.grpc_utils import init_grpc_channel
from ray._private.services import canonicalize_bootstrap_address
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
from ray.experimental.internal_kv import internal_kv_get_gcs_client
from ray.serve.schema import ReplicaState

APP, DEPLOYMENT = "frugal-motion", "Worker"
PATIENCE = 2.0
"""Seconds in which a cluster has to answer."""
NOTICE = 5.0
"""Seconds in which a machine is gone after its first process: Ray notices a killed raylet after 3.2."""
SLOTS = b"frugal-motion/slots/"

REMEDY = "Put the head's (ray get-auth-token) into RAY_AUTH_TOKEN or ~/.ray/auth_token, with RAY_AUTH_MODE=token."


class Unreachable(RuntimeError):
    """There is no cluster that lets us in."""


def find(address: str) -> str:
    """Host and port of the head, which has answered and takes our token.

    ``ray.init`` waits for minutes where nobody answers, and for ever with a wrong token; so the first question is asked
    here, with Ray's own channel, and a time limit.

    Args:
        address: host and port, or ``"auto"``.

    Raises:
        Unreachable: it says what to do.
    """
    try:
        found = canonicalize_bootstrap_address(address)
    except (ValueError, OSError) as error:
        raise Unreachable(f"{address}: {error}") from error
    if found is None:
        raise Unreachable("No Ray runs on this machine. Start it with: ray start --head, or --address=HEAD:PORT")
    host, _, port = found.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, ValueError) as error:
        raise Unreachable(f"Nobody answers at {found} ({error}). Is the head running, and its port open?") from error
    try:
        ensure_token_if_auth_enabled(create_token_if_missing=False)
    except Exception as error:
        raise Unreachable(f"There is no token. {REMEDY}") from error
    with init_grpc_channel(found) as channel:
        head = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
        try:
            head.GetClusterId(gcs_service_pb2.GetClusterIdRequest(), timeout=PATIENCE)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                raise Unreachable(f"{found} refuses our token. {REMEDY}") from error
            raise Unreachable(f"{found} does not answer as Ray's head does ({error.code().name}).") from error
    return str(found)


def draining() -> set[str]:
    """Nodes that will be taken away. Serve gives batches to them until a successor runs; Ray has no public question."""
    return set(internal_kv_get_gcs_client().get_draining_nodes(timeout=PATIENCE))


def is_lost(node: str) -> bool:
    """Whether a machine is dead, will be taken away, or does not answer. Ray notices late that one is gone."""
    try:
        raylet = next((each for each in ray.nodes() if each["NodeID"] == node and each["Alive"]), None)
        if raylet is None or node in draining():
            return True
        socket.create_connection((raylet["NodeManagerAddress"], raylet["NodeManagerPort"]), PATIENCE).close()
        return False
    except Exception:  # noqa: BLE001  it, or the head, is gone
        return True


async def fault_of(node: str) -> str:
    """Whose fault it is that a worker broke off: its ``"machine"``'s, or else it was ``"killed"``.

    The error cannot be asked: ``ActorDiedError.preempted`` is false also when a machine was lost.
    """
    until = time.monotonic() + NOTICE
    while time.monotonic() < until:
        try:
            if await asyncio.wait_for(asyncio.to_thread(is_lost, node), NOTICE):
                return "machine"
        except asyncio.TimeoutError:  # the head is gone
            return "machine"
        await asyncio.sleep(0.5)
    return "killed"


def handle() -> Any:
    """Calls of the workers' ``run``, of the app that is deployed now. To be made in the loop that uses it."""
    return serve.get_deployment_handle(DEPLOYMENT, APP).options(method_name="run", stream=True)


def replicas(handle: Any) -> list[Any]:
    """The workers that are ready.

    ``broadcast`` is no way to ask them: with one request at a time it waits behind a batch, and takes the next one's
    place. The router is told all about them anyway, and shows it only to request routers.
    """
    router = handle._router._asyncio_router.request_router
    return list(router.curr_replicas.values()) if router else []


def told_by(replica: Any) -> dict[str, Any]:
    """What a worker has told of itself as it started, and by ``record_routing_stats`` every few seconds since."""
    told = {"worker": replica.replica_id.unique_id, **replica.replica_metadata, **replica.routing_stats}
    return {**told, "node": replica.node_id}


def starting() -> int | None:
    """How many workers start; ``None`` if the app is not deployed."""
    app = serve.status().applications.get(APP)
    if app is None or DEPLOYMENT not in app.deployments:
        return None
    return int(app.deployments[DEPLOYMENT].replica_states.get(ReplicaState.STARTING, 0))


class Slots:
    """Reserved slots, written down in the cluster: a replica keeps one for ever if the driver that holds it is killed.

    Serve frees a slot only when its holder asks. With one request at a time, such a worker would never work again.
    """

    def __init__(self) -> None:
        self.job = ray.get_runtime_context().get_job_id()
        self.store = internal_kv_get_gcs_client()

    @asynccontextmanager
    async def held(self, slot: Any) -> AsyncIterator[None]:
        """It is written down inside of the context."""
        name = slot._replica._replica_info.actor_name
        key = SLOTS + f"{self.job}/{name}/{slot._slot_token}".encode()
        await asyncio.to_thread(self.store.internal_kv_put, key, b"", True, None, PATIENCE)
        try:
            yield
        finally:  # nobody waits for this: a line too many does no harm
            asyncio.get_running_loop().run_in_executor(None, self._forget, key)

    def _forget(self, key: bytes) -> None:
        self.store.internal_kv_del(key, False, None, PATIENCE)

    def free_those_of_the_dead(self) -> None:
        """Free the slots of drivers that have ended without doing so."""
        ours = SLOTS + f"{self.job}/".encode()
        keys = [key for key in self.store.internal_kv_keys(SLOTS, None, PATIENCE) if not key.startswith(ours)]
        if not keys:
            return
        jobs = self.store.get_all_job_info(skip_submission_job_info_field=True, skip_is_running_tasks_field=True)
        living = {job_id.hex() for job_id, job in jobs.items() if not job.is_dead}
        for key in keys:
            job, name, token = key.removeprefix(SLOTS).decode().split("/")
            if job in living:
                continue
            with suppress(ValueError):  # the replica is gone as well
                ray.get_actor(name, namespace="serve").release_slot.remote(token)
            self._forget(key)
