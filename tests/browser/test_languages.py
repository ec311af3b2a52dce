"""The pack in an editor that does not speak English, and what is searched for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

SAID = {
    "zh": ("平滑动作", "最大缺口", "报告", "多少分钟后模型离开 GPU", "GPU 空闲时", "Frugal Motion/动作"),
    "es": (
        *("Suavizar movimiento", "hueco máximo", "informe", "Minutos hasta que los modelos dejan la GPU"),
        *("GPU inactiva", "Frugal Motion/Movimiento"),
    ),
}
SHOWN = """() => {
    const node = app.graph.nodes.find(node => node.type === 'FrugalSmoothMotion');
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [400 - node.pos[0], 200 - node.pos[1]];
    app.canvas.setDirty(true, true);
    return {
        title: node.title,
        widget: node.widgets.find(widget => widget.name === 'max_gap').label,
        input: node.inputs.find(input => input.name === 'max_gap').localized_name,
        output: node.outputs[1].localized_name,
        category: node.constructor.category,
    };
}"""


@pytest.fixture(params=[False, True], ids=["classic", "nodes2"])
def page(request: pytest.FixtureRequest, server: Server, browser: Browser, language: str) -> Iterator[Page]:
    with editor.editor(server.url, nodes_2=request.param, language=language, browser=browser) as page:
        yield page


@pytest.mark.parametrize(
    "language", ["zh", *(pytest.param(one, marks=pytest.mark.slow) for one in SAID if one != "zh")]
)
def test_nodes_and_settings_speak_the_language_of_the_editor(
    page: Page, language: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    title, label, output, setting, heading, category = SAID[language]
    editor.load(page, editor.WORKFLOWS / "motion_edit.json")
    assert page.evaluate(SHOWN) == {
        "title": title,
        "widget": label,
        "input": label,
        "output": output,
        "category": category,
    }
    if "nodes2" in request.node.callspec.id:  # the classic renderer draws on the canvas
        page.get_by_text(title, exact=True).first.wait_for()
        page.get_by_text(label, exact=True).first.wait_for()
    page.wait_for_timeout(500)  # both are drawn in the next frames
    page.screenshot(path=tmp_path / "node.png")

    page.evaluate("() => app.extensionManager.command.execute('Comfy.ShowSettingsDialog')")
    page.get_by_role("dialog").get_by_text("Frugal Motion", exact=True).first.click()
    page.get_by_text(setting, exact=True).wait_for()
    page.get_by_text(heading, exact=True).wait_for()
    page.screenshot(path=tmp_path / "settings.png")


IN_NAMES = {
    "rife": "Load Interpolation Model (RIFE)",
    "esrgan": "Upscale Video (Real-ESRGAN)",
    "mediapipe": "Extract Pose (MediaPipe)",
    "controlnet": "Keyframe ControlNet Sampler",
}
IN_ALIASES = {
    "25 fps": "Interpolate Frames",
    "dwpose": "Extract Pose (MediaPipe)",
    "slow motion": "Interpolate Frames",
    "vhs": "Load Video (FFmpeg)",
    "price": "Cost Estimate",
    "cheap": "Hash Cache",
}


def test_nodes_are_found_by_what_people_type(server: Server, browser: Browser, tmp_path: Path) -> None:
    with editor.editor(server.url, browser=browser) as page:
        minor = page.evaluate(editor.MINOR_VERSION)
        page.evaluate("() => app.extensionManager.command.execute('Workspace.SearchBox.Toggle')")
        box = page.locator("input:focus")
        # Only newer frontends look at aliases; that of ComfyUI 0.3.75 looks at names alone.
        for typed, found in {**IN_NAMES, **(IN_ALIASES if minor >= 45 else {})}.items():
            box.fill(typed)
            page.get_by_role("option").filter(has_text=found).first.wait_for()
        page.screenshot(path=tmp_path / "search.png")
