"""What there is to see of a fleet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from frugal_motion.nodes.fleet.about import About
from frugal_motion.nodes.fleet.ledger import Ledger
from frugal_motion.nodes.fleet.view import FleetView, WorkerView, shown
from frugal_motion.nodes.host.settings import settings_file
from frugal_motion.nodes.server.fleet_routes import add_fleet_routes
from frugal_motion.nodes.server.jobs_openapi import FLEET, description

NOON = datetime(2026, 5, 5, 12).timestamp()
L4 = About("w1", "n1", "0.3.0", "0.3.75", "NVIDIA L4", 0.7, 24 << 30, 20 << 30, frozenset("ab"), frozenset("a"), 12.5)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "fleet.sqlite")) as ledger:
        yield ledger


def test_a_fleet_as_json(ledger: Ledger) -> None:
    ledger.seen([L4], NOON)
    workers = [WorkerView(L4, jobs=3)]
    told = shown(FleetView("auto", True, "", ledger, workers, 1, 5, 3, ["x"]), NOON)
    assert json.loads(json.dumps(told)) == told
    assert told["workers"] == [{**L4.as_dict(), "models": 2, "state": "busy", "reason": "", "jobs": 3}]
    assert told["dollars_per_hour"] == 0.7
    assert told["today"]["cold_seconds"] == 12.5 == told["today"]["cards"]["NVIDIA L4"]["cold_seconds"]
    assert [told[name] for name in ("address", "up", "why", "starting", "queued", "running", "quarantined")] == [
        *("auto", True, "", 1, 5, 3),
        ["x"],
    ]


@pytest.mark.parametrize(
    ("worker", "state", "reason"),
    [
        (WorkerView(L4), "idle", ""),
        (WorkerView(L4, jobs=1), "busy", ""),
        (WorkerView(L4, draining=True, jobs=1), "draining", "its machine is about to be taken away"),
        (WorkerView(L4, draining=True, unusable="lacks x.ckpt"), "unusable", "lacks x.ckpt"),
    ],
)
def test_the_state_of_a_worker(worker: WorkerView, state: str, reason: str) -> None:
    assert (worker.state, worker.reason) == (state, reason)


def test_the_description_has_all_that_is_shown(ledger: Ledger) -> None:
    ledger.seen([L4], NOON)
    told, fields = shown(FleetView("auto", True, "", ledger, [WorkerView(L4)]), NOON), FLEET["properties"]
    assert told.keys() == fields.keys()
    assert told["workers"][0].keys() == fields["workers"]["items"]["properties"].keys()
    assert told["today"].keys() == fields["today"]["properties"].keys()
    card = fields["today"]["properties"]["cards"]["additionalProperties"]["properties"]
    assert told["today"]["cards"]["NVIDIA L4"].keys() == card.keys()
    assert "/frugal-motion/fleet" in description()["paths"]


def answered(fleet: FleetView | None, token: str = "") -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        app, routes = web.Application(), web.RouteTableDef()
        add_fleet_routes(routes, lambda: fleet)
        app.add_routes(routes)
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/frugal-motion/fleet", headers={"Authorization": token} if token else {})
            return answer.status, await answer.json()

    return asyncio.run(ask())


def test_the_route(ledger: Ledger) -> None:
    assert answered(None) == (200, {"address": ""})
    down = FleetView("10.0.0.1:6379", False, "the token is wrong", ledger, queued=4)
    code, told = answered(down)
    assert (code, told["why"], told["queued"], told["dollars_per_hour"]) == (200, "the token is wrong", 4, 0)
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text('{"jobs_token": "secret"}', encoding="utf-8")
    assert answered(down)[0] == 401
    assert answered(down, "Bearer secret")[0] == 200
