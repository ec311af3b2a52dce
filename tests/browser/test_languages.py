"""The pack in an editor that does not speak English, and what is searched for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from frugal_motion.nodes.interchange.files import save_motion
from frugal_motion.tools import editor, locales
from frugal_motion.tools.server import Server

from ..motion.synthetic import dance
from .graphs import on_canvas
from .test_panel import FLEET, faked

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


OF_OURS = on_canvas(
    "file",
    """
    const load = make('FrugalLoadMotion', '1', [20, 40], {file, frame_rate: 1 + Math.random()}); // not cached
    const smooth = make('FrugalSmoothMotion', '2', [340, 40], {});
    const plan = make('FrugalPlanKeyframes', '3', [660, 40], {});
    const draw = make('FrugalDrawPose', '4', [20, 440], {width: 64});
    const keep = make('FrugalHashCache', '5', [340, 540], {});
    const report = make('FrugalCostReport', '6', [660, 440], {});
    const show = make('PreviewImage', '7', [980, 40], {});
    wire(load, smooth, 'motion');
    wire(smooth, plan, 'motion');
    wire(smooth, draw, 'motion');
    wire(plan, draw, 'keyframes');
    wire(draw, keep, 'value');
    wire(keep, report, 'after');
    wire(keep, show, 'images');
""",
)
SAID_IN = """(root) => {
    const elements = [root, ...root.querySelectorAll('*')];
    const attributes = ['aria-label', 'aria-valuetext', 'title', 'placeholder', 'alt'];
    const said = elements.flatMap(one => attributes.map(name => one.getAttribute(name)));
    const texts = elements.flatMap(one => [...one.childNodes].filter(child => child.nodeType === Node.TEXT_NODE));
    return [...said, ...texts.map(text => text.data)].filter(text => text?.trim()).map(text => text.trim());
}"""
JOBS = [
    {"job_id": "1", "state": "queued", "position": 2, "held": ""},
    {"job_id": "2", "state": "running", "progress": {"done": 1, "of": 3, "value": 0, "max": 0, "node": "42"}},
    {"job_id": "3", "state": "failed"},
]
ESTIMATE = {
    "price": 0.8,
    "seconds": 90.0,
    "dollars": 0.02,
    "naive_dollars": None,
    "peak_memory_bytes": 9.4e9,
    "savings": [{"name": name, "seconds": seconds} for name, seconds in (("keyframes", 900.0), ("cache", -2.0))],
    "advice": None,
    "notes": [],
}
NAMES = re.compile(
    r"[!-~]*[\d/._+-][!-~]*|[A-Z]{2,}\w*|ComfyUI|ControlNet|CreativeML Open|Enter|GeForce|cpu|kB", re.ASCII
)
"""In any language; of files, models, cards and links, too."""

PLACES = re.compile(r"\{\w+\}")


def said(part: Locator) -> set[str]:
    """All that a part of the page shows, and what a screen reader says of it."""
    return {text for texts in part.evaluate_all(f"parts => parts.map({SAID_IN})") for text in texts}


def as_english(texts: set[str], language: str) -> set[str]:
    """Those that somebody has forgotten to translate."""
    known = locales.translations(language)
    ours = [text for text in locales.words() if known[text] != text and re.search("[a-z]{2}", PLACES.sub("", text))]
    patterns = [".+".join(map(re.escape, PLACES.split(text))) for text in ours]
    found = {text for text in texts for pattern in patterns if re.fullmatch(pattern, text)}
    if language == "ja":
        found |= {text for text in texts if re.search("[A-Za-z]{2}", NAMES.sub("", text))}
    return found


def only_the_last(route: Route) -> None:
    """Of the runs that a server tells of."""
    answer = route.fetch().json()
    route.fulfill(json={**answer, "runs": answer["runs"][:1]})


@pytest.mark.parametrize("language", ["ja", pytest.param("fr", marks=pytest.mark.slow)])
def test_panels_speak_the_language_of_the_editor(page: Page, server: Server, language: str, tmp_path: Path) -> None:
    save_motion(dance(seconds=3, people=2), server.base / "input" / "dance.safetensors")
    page.evaluate(OF_OURS, "dance.safetensors")
    page.wait_for_function("() => document.querySelectorAll('.frugal-panel').length >= 3")
    nodes = page.locator(".frugal-panel")
    before = said(nodes)
    editor.run(page)
    page.locator(".frugal-badge:visible").nth(1).wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.frugal-panel')].every(one => !one.querySelector('p:not([hidden])'))"
    )
    page.screenshot(path=tmp_path / "nodes.png")
    assert len(before) > 5 and not as_english(before | said(nodes), language)

    faked(page, "**/frugal-motion/fleet", {**FLEET, "workers": [{**one, "reason": ""} for one in FLEET["workers"]]})
    faked(page, "**/frugal-motion/jobs?*", {"jobs": [{"client": "7", "results": [], **job} for job in JOBS]})
    faked(page, "**/frugal-motion/estimate", ESTIMATE)
    page.route("**/frugal-motion/runs?*", only_the_last)  # others call their nodes what they like
    page.evaluate("() => app.extensionManager.command.execute('Workspace.ToggleSidebarTab.frugal-motion')")
    side = page.locator(".frugal-side")
    side.locator("section:visible").nth(6).wait_for()
    for part in ("table tbody tr", "details li", ".frugal-jobs li", ".frugal-models li", "select option"):
        side.locator(part).first.wait_for(state="attached")
    side.locator("section").filter(has=page.locator("select")).locator("button").click()
    side.locator("div[aria-live] dl").wait_for()
    page.screenshot(path=tmp_path / "side.png")
    side.evaluate("side => side.scrollTo(0, side.scrollHeight)")
    page.screenshot(path=tmp_path / "side_below.png")
    assert not as_english(said(side), language)
    wider = side.locator("section, button, dl, li").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    )
    assert not wider, "what does not fit"


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
