"""The side panel."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

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
