"""The files of ``fleet/``: the engine takes them, they say the same, and none of them is open or tells of its use."""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from frugal_motion.nodes.host.settings import MOST_JOBS

from ..conftest import ROOT

pytest.importorskip("ray")

FLEET = ROOT / "fleet"
SERVE_FILES = ("fleet.yaml", "fleet-cpu.yaml")
SECONDS_OF_A_CLIP = 60
"""More than any clip takes on a card of the price table."""


def read(name: str) -> Any:
    return yaml.safe_load((FLEET / name).read_text(encoding="utf-8"))


def manifests() -> dict[str, Any]:
    """The documents of rayservice.yaml by their kind; of several of a kind the last."""
    documents = yaml.safe_load_all((FLEET / "rayservice.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def serve_config(name: str) -> Any:
    return (
        yaml.safe_load(manifests()["RayService"]["spec"]["serveConfigV2"]) if name == "rayservice.yaml" else read(name)
    )


@pytest.mark.parametrize("name", (*SERVE_FILES, "rayservice.yaml"))
def test_serve_takes_it(name: str) -> None:
    from ray.serve._private.common import DeploymentID
    from ray.serve.config import AutoscalingConfig
    from ray.serve.schema import ServeDeploySchema

    given = serve_config(name)
    known = ServeDeploySchema.model_validate(given)
    assert known.model_dump(exclude_unset=True, mode="json") == given, "nothing is passed over"
    assert known.proxy_location == "Disabled"
    (app,) = known.applications
    assert (app.name, app.import_path, app.route_prefix) == ("frugal-motion", "nodes.fleet.replica:app", None)
    (worker,) = app.deployments
    assert DeploymentID(name=worker.name, app_name=app.name) == DeploymentID(name="Worker", app_name="frugal-motion")
    assert worker.max_ongoing_requests == 1
    assert worker.graceful_shutdown_timeout_s >= MOST_JOBS * SECONDS_OF_A_CLIP
    scaling = given["applications"][0]["deployments"][0].get("autoscaling_config")
    if scaling:
        AutoscalingConfig.model_validate(scaling)
        assert set(scaling) <= set(AutoscalingConfig.model_fields)
        assert scaling["min_replicas"] == 0


@pytest.mark.parametrize("name", SERVE_FILES)
def test_the_app_takes_its_arguments(name: str) -> None:
    replica = pytest.importorskip("frugal_motion.nodes.fleet.replica")
    args = serve_config(name)["applications"][0]["args"]
    assert replica.WorkerArgs.model_validate(args).model_dump(exclude_unset=True, mode="json") == args


def test_kubernetes_is_given_the_same_as_serve() -> None:
    assert serve_config("rayservice.yaml") == serve_config("fleet.yaml")


def test_a_cpu_machine_differs_in_nothing_that_is_not_about_the_gpu() -> None:
    """What the trial shows holds for the rest."""
    gpu, cpu = (read(name)["applications"][0] for name in ("fleet.yaml", "fleet-cpu.yaml"))
    for app in (gpu, cpu):
        del app["args"]
        for name in ("ray_actor_options", "autoscaling_config", "num_replicas"):
            app["deployments"][0].pop(name, None)
    assert cpu == gpu


def test_the_models_of_a_clone_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By ComfyUI's own reader."""
    import folder_paths
    from utils.extra_config import load_extra_path_config

    monkeypatch.setattr(folder_paths, "folder_names_and_paths", copy.deepcopy(folder_paths.folder_names_and_paths))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    named = serve_config("fleet-cpu.yaml")["applications"][0]["args"]["models"]
    load_extra_path_config(str(ROOT / named))
    assert "frugal-demo.ckpt" in folder_paths.get_filename_list("checkpoints")
    assert {folder.name for folder in (ROOT / ".assets" / "models").iterdir() if folder.is_dir()} <= set(
        read("models.yaml")["frugal-motion"]
    )


# ── Ray's own cluster launcher ──────────────────────────────────────────────────────────────────────────────────────


def test_ray_up_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it goes without AWS."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(read("ray-up.yaml"))
    validate_config(config)
    head, gpu = config["available_node_types"]["head"], config["available_node_types"]["gpu"]
    assert head["resources"] == {"CPU": 0}, "no worker there"
    assert gpu["min_workers"] == 0
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in head["node_config"]
    wanted = read("fleet.yaml")["applications"][0]["deployments"][0]
    assert gpu["resources"]["GPU"] >= wanted["ray_actor_options"]["num_gpus"]
    assert gpu["resources"]["CPU"] >= wanted["ray_actor_options"]["num_cpus"]
    assert config["max_workers"] >= gpu["max_workers"] >= wanted["autoscaling_config"]["max_replicas"]


def test_the_token_goes_to_every_machine() -> None:
    assert list(read("ray-up.yaml")["file_mounts"].items()) == [("/home/ubuntu/.ray/auth_token", "~/.ray/auth_token")]


# ── Kubernetes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_kuberay_is_asked_for_machines_on_demand() -> None:
    service = manifests()["RayService"]
    assert service["apiVersion"] == "ray.io/v1"
    cluster = service["spec"]["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["authOptions"] == {"mode": "token", "secretName": "frugal-motion-ray"}
    (group,) = cluster["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"]) == (0, 0)
    wanted = serve_config("fleet.yaml")["applications"][0]["deployments"][0]
    assert group["maxReplicas"] >= wanted["autoscaling_config"]["max_replicas"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "so KubeRay wants it"


def test_there_is_one_gateway_only() -> None:
    spec = manifests()["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_there_is_one_version_of_ray() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.findall(r'"ray\[serve\]==([\d.]+)"', project)[0]
    assert manifests()["RayService"]["spec"]["rayClusterConfig"]["rayVersion"] == version
    for page in (
        FLEET / "ray-up.yaml",
        FLEET / "Dockerfile",
        ROOT / "docs" / "install.md",
        ROOT / "docs" / "many-machines.md",
    ):
        assert set(re.findall(r"ray\[serve\]==([\d.]+)", page.read_text(encoding="utf-8"))) == {version}, page


# ── nobody is told, and nobody else is let in ───────────────────────────────────────────────────────────────────────

CLOSED = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}


def containers() -> list[dict[str, Any]]:
    """All that Kubernetes starts with Ray in it."""
    cluster = manifests()["RayService"]["spec"]["rayClusterConfig"]
    templates = [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    templates.append(manifests()["Deployment"]["spec"]["template"])
    return [container for template in templates for container in template["spec"]["containers"]] + [
        {"name": "autoscaler", **cluster["autoscalerOptions"]}
    ]


def test_what_kubernetes_starts_is_closed() -> None:
    for container in containers():
        env = {entry["name"]: entry for entry in container["env"]}
        assert {name: env[name]["value"] for name in CLOSED} == CLOSED, container["name"]
        assert env["RAY_AUTH_TOKEN"]["valueFrom"] == {
            "secretKeyRef": {"name": "frugal-motion-ray", "key": "auth_token"}
        }


@pytest.mark.parametrize("name", ("env.sh", "loopback.sh"))
def test_shells_are_closed(name: str) -> None:
    told = "import json, os; print(json.dumps(dict(os.environ)))"
    command = f'. fleet/{name} && "$0" -c {shlex.quote(told)}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    env = json.loads(done.stdout)
    assert {key: env[key] for key in CLOSED} == CLOSED
    assert "PYTHONPATH" not in env, "the pack's `nodes` would hide those of the gateway's ComfyUI"


def test_what_ray_up_starts_is_closed() -> None:
    config = read("ray-up.yaml")
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    starting = [command for command in commands if command != "ray stop"]
    assert len(starting) == 4
    for command in starting:
        assert all(f"{key}={value}" in command for key, value in CLOSED.items()), command
        assert "--disable-usage-stats" in command or "ray start" not in command
        assert "0.0.0.0" not in command


def test_what_the_page_says_to_type_is_closed() -> None:
    """Ray's own default is to tell of its use, and to let in everybody where there is no token."""
    text = (ROOT / "docs" / "many-machines.md").read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, flags=re.MULTILINE)
    starting = [block for block in blocks if re.search(r"ray start|serve run|ray up|FRUGAL_MOTION_FLEET=", block)]
    assert len(starting) == 5
    for block in starting:
        assert re.search(r"^    \. fleet/(env|loopback)\.sh$", block, flags=re.MULTILINE), block
    starts = [line for block in blocks for line in block.splitlines() if "ray start" in line]
    assert len(starts) == 2
    assert all("--disable-usage-stats" in line for line in starts)


# ── a machine that is taken ─────────────────────────────────────────────────────────────────────────────────────────


class Cloud(http.server.BaseHTTPRequestHandler):
    """What tells AWS's and Google's machines about themselves."""

    answers: dict[str, list[str]]

    def do_PUT(self) -> None:
        self.say("secret" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else None)

    def do_GET(self) -> None:
        known = self.headers["X-aws-ec2-metadata-token"] == "secret" or self.headers["Metadata-Flavor"] == "Google"
        left = self.answers.get(self.path, [])
        self.say((left.pop(0) or None) if known and left else None)

    def say(self, text: str | None) -> None:
        self.send_response(200 if text else 404)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_: Any) -> None: ...


@contextlib.contextmanager
def cloud(answers: dict[str, list[str]]) -> Iterator[str]:
    handler = type("Answering", (Cloud,), {"answers": answers})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


NOTICES = {
    "aws": ("/latest/meta-data/spot/instance-action", ["", "", '{"action": "terminate"}']),
    "gcp": ("/computeMetadata/v1/instance/preempted", ["FALSE", "FALSE", "TRUE"]),
}


@pytest.fixture
def spot_notice(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(FLEET)
    import spot_notice

    return spot_notice


@pytest.mark.parametrize("name", NOTICES)
def test_ray_is_told_once_that_a_machine_is_taken(name: str, spot_notice: Any) -> None:
    path, answers = NOTICES[name]
    told: list[int] = []
    waited: list[float] = []
    with cloud({path: [*answers]}) as url:
        spot_notice.watch(name, url, drain=told.append, pause=waited.append)
    assert len(waited) == 2
    assert told == [spot_notice.CLOUDS[name][1]]
    assert told[0] < (120 if name == "aws" else 30), "less than the machine has"


def test_a_cloud_that_does_not_answer_is_asked_again(spot_notice: Any) -> None:
    with cloud({}) as url:
        pass
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spot_notice.watch("aws", url, drain=lambda _: pytest.fail("nobody said so"), pause=pause)


def test_ray_knows_the_command(spot_notice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner
    from ray.scripts import scripts

    asked = CliRunner().invoke(scripts.cli, ["drain-node", "--help"])
    given: list[str] = []
    monkeypatch.setattr(spot_notice.subprocess, "run", lambda command, check: given.extend(map(str, command)))
    spot_notice.drain(110)
    assert Path(given[0]).name == "ray"
    context = scripts.drain_node.make_context("drain-node", given[2:])
    assert context.params["deadline_remaining_seconds"] == 110
    assert context.params["node_id"] is None
    assert "current node" in " ".join(asked.output.split()), "whose name need not be given"
