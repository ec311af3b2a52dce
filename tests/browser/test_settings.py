"""The pack's settings in ComfyUI's settings dialog."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from frugal_motion.tools.server import Server

from ..server.client import ask, until

GET = "(name) => app.extensionManager.setting.get('FrugalMotion.' + name)"
SET = "([name, value]) => app.extensionManager.setting.set('FrugalMotion.' + name, value)"


def kept(server: Server, name: str) -> object:
    return ask(server, "/settings")[1]["values"][name]


def test_the_dialog_shows_and_changes_what_the_server_keeps(page: Page, server: Server, tmp_path: Path) -> None:
    before = kept(server, "cache_days")
    try:
        page.evaluate(SET, ["cache_days", 17])
        until(lambda: kept(server, "cache_days") == 17, "the change")
        ask(server, "/settings", {"cache_days": 21})  # elsewhere
        page.reload()
        page.wait_for_function("() => window.app?.extensionManager?.setting?.get('FrugalMotion.cache_days') === 21")
        assert kept(server, "cache_days") == 21

        page.evaluate("() => app.extensionManager.command.execute('Comfy.ShowSettingsDialog')")
        page.get_by_text("Frugal Motion", exact=True).first.click()
        page.get_by_text("Minutes until models leave the GPU", exact=True).wait_for()
        assert page.get_by_text("Minutes until ComfyUI ends itself").count() == 0, "not to be changed over HTTP"
        page.screenshot(path=tmp_path / "settings.png")
    finally:
        ask(server, "/settings", {"cache_days": before})


def test_what_is_not_allowed_is_said_and_not_kept(page: Page, server: Server) -> None:
    before = kept(server, "gpu_price")
    page.evaluate(SET, ["gpu_price", -5])
    page.get_by_text("greater than or equal to 0").first.wait_for()
    assert kept(server, "gpu_price") == before
    page.wait_for_function(f"() => ({GET})('gpu_price') === {before}")
