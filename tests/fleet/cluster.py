"""A Ray cluster of a test's own, on the loopback interface only."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.server import free_port

MEMORY = 100_000_000
"""Bytes of a node's object store."""


@dataclass
class Node:
    """One of the cluster's machines: processes of one group, which nobody else is in."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """As if the machine were gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """What joins it needs ``address`` and ``env``."""

    address: str
    env: Mapping[str, str]
    folder: Path
    nodes: list[Node] = field(default_factory=list)

    def run(self, *arguments: str | Path, timeout: float = 60) -> str:
        """What a Python program says that joins the cluster, as by ``ray.init("auto")``."""
        env = {**self.env, "RAY_ADDRESS": self.address}
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def drain(self, node_id: str, seconds: int = 60) -> None:
        """Announce that a machine will be taken away."""
        options = ["--node-id", node_id, "--deadline-remaining-seconds", str(seconds), "--reason-message", "spot"]
        reason = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--address", self.address]
        self.run("-m", "ray.scripts.scripts", "drain-node", *options, *reason)

    def add_node(self, *options: str, before: Sequence[str] = ()) -> Node:
        """One more machine; see ``start``."""
        return self.start("--address", self.address, *options, before=before)

    def start_head(self, *options: str, before: Sequence[str] = ()) -> Node:
        """The head, also once more."""
        port = self.address.rpartition(":")[2]
        rest = ("--ray-client-server-port", str(free_port()))  # 10001 may be another cluster's
        return self.start("--head", "--port", port, "--include-dashboard=false", *rest, *options, before=before)

    def start(self, *options: str, before: Sequence[str] = ()) -> Node:
        """A node, when its raylet runs.

        Args:
            before: what the command is put behind, such as ``unshare``.
        """
        log = self.folder / f"node{len(self.nodes)}.log"
        command = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        command += [
            "--node-ip-address",
            "127.0.0.1",
            "--object-store-memory",
            str(MEMORY),
            "--include-log-monitor=false",
        ]
        command += [f"--{name}=0" for name in ("dashboard-agent-listen-port", "min-worker-port", "max-worker-port")]
        command += ["--temp-dir", str(self.folder / "ray"), *options]
        with log.open("wb") as written:
            process = subprocess.Popen(
                command,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        node = Node(process, log)
        self.nodes.append(node)
        until = time.monotonic() + 60
        while b"Ray runtime started" not in log.read_bytes():
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)
        return node


@contextmanager
def ray_head(*options: str, more: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster of one node, which asks for a token of its own.

    Args:
        options: of ``ray start``, such as ``--num-cpus=2``.
        more: variables for all of its processes.
    """
    folder = Path(tempfile.mkdtemp(prefix="fm", dir="/tmp"))  # short: the names of sockets are limited
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTHON", "PYTEST"))}
    env |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    cluster = Cluster(f"127.0.0.1:{port}", {**env, **(more or {})}, folder)
    try:
        cluster.start_head(*options)
        yield cluster
    finally:
        for node in cluster.nodes:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)
