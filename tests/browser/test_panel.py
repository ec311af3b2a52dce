"""The side panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..server.client import ask, until
from ..server.test_runs import PROMPT, posted
from .test_workflows import PERSON, SET_WIDGETS, SMALL


def opened(page: Page) -> None:
    page.evaluate("() => app.extensionManager.command.execute('Workspace.ToggleSidebarTab.frugal-motion')")
    page.locator(".frugal-side").wait_for()


def test_the_panel_shows_the_gpu_the_runs_and_the_cache(
    page: Page, server: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    opened(page)
    gpu, runs, cache = (page.get_by_role("region", name=name) for name in ("GPU", "Last runs", "Cache"))
    gpu.get_by_text("in use").first.wait_for()
    assert gpu.get_by_role("button", name="Unload now").is_enabled()

    title = f"Saved by {request.node.callspec.id}"
    save = PROMPT["2"]["inputs"] | {"filename_prefix": title}  # of its own, or ComfyUI has it from the run before
    run = posted(server, PROMPT | {"2": {**PROMPT["2"], "inputs": save, "_meta": {"title": title}}})
    runs.get_by_text(title).first.wait_for()
    record = ask(server, f"/runs/{run}")[1]
    assert runs.locator("details").first.locator("li").count() == len(record["stages"])
    models = page.get_by_role("region", name="Models")
    assert models.get_by_text("rife_v4.26.safetensors").is_visible()
    assert models.get_by_role("button", name="Download").count() >= 2
    page.screenshot(path=tmp_path / "panel.png")

    state = ask(server, "/cache")[1]
    words = cache.inner_text()
    assert f"{len(state['entries'])} entries" in words if state["entries"] else "Nothing is kept yet" in words


def test_what_the_user_has_opened_or_chosen_stays(page: Page, server: Server, request: pytest.FixtureRequest) -> None:
    def run(number: int) -> None:
        prefix = PROMPT["2"]["inputs"] | {"filename_prefix": f"{request.node.callspec.id} {number}"}
        made = posted(server, PROMPT | {"2": {**PROMPT["2"], "inputs": prefix}})
        until(lambda: ask(server, f"/runs/{made}")[0] == 200, "the record, which comes after the end")

    run(1)
    run(2)
    opened(page)
    gpu, runs = (page.get_by_role("region", name=name) for name in ("GPU", "Last runs"))
    unload = gpu.get_by_role("button", name="Unload now")
    unload.focus()
    unload.press("Enter")
    with page.expect_response("**/frugal-motion/gpu"), page.expect_response("**/frugal-motion/gpu"):
        pass
    assert unload.evaluate("button => button === document.activeElement")

    second = runs.locator("summary").nth(1)
    second.focus()
    second.press("Enter")
    words = second.inner_text()
    page.evaluate("() => { window.opened = document.activeElement.parentElement; }")
    run(3)
    page.wait_for_function("() => [...document.querySelectorAll('.frugal-side details')].indexOf(window.opened) === 2")
    shown = page.evaluate("() => [window.opened.isConnected, window.opened.open, document.activeElement.textContent]")
    assert shown == [True, True, words]
    assert runs.locator("details[open]").count() == 2, "the newest, and what was chosen"


def test_unloading_and_purging_from_the_panel(page: Page, server: Server) -> None:
    store = EntryStore(server.base / "user" / "frugal-motion" / "cache")
    store.add("ab" * 32, "test", ".bin", lambda path: path.write_bytes(b"0123456789") and None, made="me")
    editor.load(page, editor.WORKFLOWS / "motion_edit.json")
    page.evaluate(SET_WIDGETS, [SMALL])
    opened(page)
    gpu, cache = (page.get_by_role("region", name=name) for name in ("GPU", "Cache"))
    gpu.get_by_role("button", name="Prewarm").click()
    gpu.get_by_text("ControlNet").wait_for()
    gpu.get_by_role("button", name="Unload now").click()
    gpu.get_by_text("No model is loaded").wait_for()

    cache.get_by_role("button", name="Purge all").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    cache.get_by_text("Nothing is kept yet").wait_for()
    assert ask(server, "/cache")[1]["entries"] == [] and store.find("ab" * 32) is None


def test_an_estimate_of_the_workflow_that_is_open(page: Page, server: Server, tmp_path: Path) -> None:
    editor.load(page, editor.WORKFLOWS / "motion_edit.json")
    page.evaluate(SET_WIDGETS, [SMALL])
    opened(page)
    estimate = page.get_by_role("region", name="Estimate")
    estimate.get_by_label("GPU").select_option("L4")
    estimate.get_by_label("Budget in dollars per clip").fill("0.5")
    estimate.get_by_role("button", name="Estimate this workflow").click()
    estimate.get_by_text("The naive way").wait_for()
    estimate.get_by_text("is met").wait_for()
    assert estimate.locator("li").count() >= 3
    page.screenshot(path=tmp_path / "estimate.png")


def test_what_a_crop_spares_has_a_bar_of_its_own(page: Page, server: Server) -> None:
    editor.load(page, editor.WORKFLOWS / "replace_person.json")
    page.evaluate(SET_WIDGETS, [PERSON])
    opened(page)
    estimate = page.get_by_role("region", name="Estimate")
    estimate.get_by_label("GPU").select_option("L4")
    estimate.get_by_role("button", name="Estimate this workflow").click()
    estimate.get_by_text("is assumed").wait_for()
    bar = estimate.locator("li").filter(has_text="not generated")
    assert bar.count() == 1 and "saves" in str(bar.get_attribute("title"))


def test_jobs_are_listed_and_cancelled(page: Page, server: Server, request: pytest.FixtureRequest) -> None:
    opened(page)
    jobs = page.get_by_role("region", name="Jobs")
    client = f"<b>{request.node.callspec.id}</b>"  # as text, whatever it is
    body = {"workflow": PROMPT, "client": client}
    assert ask(server, "/jobs", body)[0] == 202
    mine = jobs.locator("li").filter(has_text=client)
    done = mine.filter(has_text="done")
    done.get_by_role("link").wait_for()
    with page.expect_popup() as video:
        done.get_by_role("link").click()
    assert ".mp4" in video.value.url
    video.value.close()

    values = {f"{title}.{name}": value for title, inputs in SMALL.items() for name, value in inputs.items()}
    long = {"workflow": "motion_edit", "values": values | {"Sampler.steps": 200}, "client": client}
    code, answer = ask(server, "/jobs", long)
    assert code == 202, answer
    mine.get_by_role("button", name="Cancel").click()
    mine.filter(has_text="cancelled").wait_for()
    assert mine.get_by_role("button", name="Cancel").count() == 0


def worker(name: str, state: str, **more: Any) -> dict[str, Any]:
    """A worker as ``GET /frugal-motion/fleet`` tells of it."""
    told = {"worker": name, "node": "node-1", "card": "NVIDIA GeForce RTX 4090", "price": 0.34, "state": state}
    told |= {
        "memory": 24_000_000_000,
        "free_memory": 6_500_000_000,
        "models": 12,
        "loaded": [],
        "reason": "",
        "jobs": 0,
    }
    return told | more


SPENT = {"clips": 120, "dollars": 1.44, "dollars_per_clip": 0.012}
SPENT |= {"busy_seconds": 6800.0, "idle_seconds": 1900.0, "cold_seconds": 1100.0, "lost_seconds": 200.0}
FLEET = {
    "address": "10.0.0.1:6379",
    "up": True,
    "why": "",
    "starting": 1,
    "queued": 17,
    "running": 8,
    "dollars_per_hour": 1.02,
    "today": {**SPENT, "cards": {}},
    "quarantined": [],
    "workers": [
        worker("w3", "unusable", reason="lacks <b>models</b>/x.safetensors"),
        worker("w1", "busy", jobs=8, loaded=["video/wan2.1_t2v_1.3B_fp16.safetensors"]),
        worker("w2", "draining", reason="its machine is about to be taken away", price=0),
    ],
}


def faked(page: Page, path: str, answer: dict[str, Any]) -> dict[str, Any]:
    """A route of the pack that answers with that, also after it has been changed; browsers cannot rent machines."""

    def answered(route: Route) -> None:
        route.fulfill(json=answer)

    page.route(path, answered)
    return answer


def test_a_fleet_is_listed_with_what_it_costs(page: Page, tmp_path: Path) -> None:
    answer = faked(page, "**/frugal-motion/fleet", {**FLEET})
    opened(page)
    fleet = page.get_by_role("region", name="Fleet")
    table = fleet.get_by_role("table", name="Workers")
    table.get_by_role("rowheader").nth(2).wait_for()
    assert table.get_by_role("columnheader").all_inner_texts() == ["Worker", "Holds", "Jobs", "$/h"]
    first, second, third = (table.get_by_role("row").nth(place).inner_text() for place in (1, 2, 3))
    assert "RTX 4090" in first and "busy" in first and "wan2.1_t2v_1.3B_fp16" in first and "6.5 of 24 GB free" in first
    assert "taken away" in second and "lacks <b>models</b>/x.safetensors" in third
    told = fleet.locator("dl").inner_text()
    for words in ("3 workers, 1 starting", "17 jobs wait, 8 run", "$1.0 per hour", "$1.4, 120 clips", "$0.012"):
        assert words in told
    parts = fleet.get_by_role("list", name="What today's dollars were paid for").get_by_role("listitem")
    assert parts.all_inner_texts() == ["busy 68 %", "idle 19 %", "cold 11 %", "lost 2 %"]
    fills = fleet.locator(".frugal-split .frugal-fill").evaluate_all("fills => fills.map(fill => fill.clientWidth)")
    whole = fleet.locator(".frugal-split .frugal-bar").evaluate("bar => bar.clientWidth")
    assert [fill / whole for fill in fills] == pytest.approx([0.68, 0.19, 0.11, 0.02], abs=0.01)
    assert fleet.get_by_role("status").inner_text() == ""
    page.screenshot(path=tmp_path / "fleet.png")

    page.evaluate("() => { window.kept = document.querySelector('.frugal-side tbody tr'); }")
    answer |= {"up": False, "why": "the token is wrong", "workers": [FLEET["workers"][1]], "quarantined": ["1"]}
    fleet.get_by_role("status").get_by_text("The fleet is down: the token is wrong. 17 jobs wait").wait_for()
    assert table.locator("tbody tr").count() == 1 and page.evaluate("() => window.kept.isConnected")
    page.screenshot(path=tmp_path / "down.png")


def test_without_a_fleet_nothing_is_shown_of_one(page: Page) -> None:
    opened(page)
    page.get_by_role("region", name="GPU").get_by_text("in use").first.wait_for()
    assert page.locator(".frugal-side section[aria-label=Fleet]").is_hidden()


def test_a_job_that_is_held_says_why(page: Page) -> None:
    job = {
        "job_id": "1",
        "state": "queued",
        "client": "anna",
        "position": 1,
        "progress": None,
        "error": "",
        "results": [],
    }
    faked(page, "**/frugal-motion/jobs?*", {"jobs": [{**job, "held": "the fleet cannot be reached"}]})
    opened(page)
    held = page.get_by_role("region", name="Jobs").get_by_role("listitem")
    held.get_by_text("the fleet cannot be reached").wait_for()
    assert "waits, 1. in the queue" in held.inner_text()
    client, row = held.get_by_text("anna").bounding_box(), held.bounding_box()
    assert client and row and row["y"] <= client["y"] < row["y"] + row["height"], "beside what it asked for"
