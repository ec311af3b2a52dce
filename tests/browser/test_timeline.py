"""Hands on the timeline and the curves of edits, in a page of their own: what they tell the editor around them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from frugal_motion.tools import editor

WEB = Path(__file__).resolve().parents[2] / "web"
HOST = "http://hands.test"
FILES = {
    "/": """<!doctype html><main class="frugal-panel" style="width: 400px"></main>""",
    "/scripts/app.js": """export const app = {
        registerExtension() {},
        canvas: {processMouseWheel: () => told.push(['wheel'])},
    };""",
    "/scripts/api.js": "export const api = {addEventListener() {}};",
}
KINDS = {".js": "text/javascript", ".css": "text/css"}
OPEN = """async () => {
    const {Timeline} = await import('/extensions/frugal/js/editing/timeline.js');
    const {Curves} = await import('/extensions/frugal/js/editing/curves.js');
    const {tops} = await import('/extensions/frugal/js/editing/timeline_lanes.js');
    window.told = [];
    const tell = (name, act = () => {}) => (value) => {
        told.push([name, value]);
        act(value);
    };
    window.line = new Timeline({
        seek: tell('seek', (frame) => line.show({frame})),
        select: tell('select', (selected) => line.show({selected})),
        preview: tell('preview'),
        change: tell('change', (edits) => line.show({edits: structuredClone(edits)})),
        visit: tell('visit'),
        choose: tell('choose', (span) => line.show({span})),
    });
    window.curves = new Curves({
        ...line.calls,
        select: tell('select', (selected) => curves.show({selected})),
        seek: tell('seek', (frame) => curves.show({frame})),
        change: tell('change', (edits) => curves.show({edits: structuredClone(edits)})),
        channel: tell('channel', (channel) => curves.show({channel})),
    });
    document.querySelector('main').append(line.element, curves.element);
    window.onCurve = (frame, value) => {
        const box = curves.drawing.canvas.getBoundingClientRect();
        return [box.left + curves.scale.x(frame), box.top + curves.heights.y(value)];
    };
    window.at = (frame, lane) => {
        const box = line.drawing.canvas.getBoundingClientRect();
        return [box.left + line.scale.x(frame), box.top + (lane === 'ruler' ? 4 : tops(line.lanes)[lane] + 8)];
    };
}"""
KEY = {"do": "move", "frame": 40, "person": 1, "joint": "left_wrist", "by": [0.1, 0], "before": 20, "after": 8}
CUT = {"do": "delete", "from": 100, "to": 160}
JUMP = {"kind": "jump", "person": 1, "joint": "left_wrist", "from": 44, "to": 48, "badness": 1}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with editor.chromium(HOST) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/*", _answer)
    page.goto(HOST)
    page.evaluate(OPEN)
    page.evaluate("state => line.show(state)", _state())
    page.wait_for_function("line.drawing.canvas.clientWidth > 300")
    yield page
    page.close()
    assert not errors


def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(HOST)
    if path in FILES:
        kind = KINDS.get(Path(path).suffix, "text/html")
        route.fulfill(body=FILES[path], content_type=kind)
        return
    file = WEB / path.removeprefix("/extensions/frugal/")
    if not file.is_file():
        route.fulfill(status=404)
        return
    route.fulfill(body=file.read_bytes(), content_type=KINDS[file.suffix])


def _state(**more: Any) -> dict[str, Any]:
    state = {"frameCount": 300, "rate": 25, "edits": [KEY, CUT], "troubles": [JUMP], "joint": "left_wrist"}
    return {**state, **more}


def drag(page: Page, lane: str, start: float, end: float, *, keep: bool = True) -> None:
    page.mouse.move(*page.evaluate("given => at(...given)", [start, lane]))
    page.mouse.down()
    page.mouse.move(*page.evaluate("given => at(...given)", [end, lane]), steps=4)
    if keep:
        page.mouse.up()


@pytest.fixture
def curves(page: Page) -> Locator:
    """The curves: a joint that stands still, but for its key."""
    shown = """state => {
        const source = new Float32Array(300).fill(0.4);
        const limb = () => ({joint: [0.4, 0.5], parent: [0.3, 0.5], aspect: 1});
        curves.show({...state, channel: 'x', source, posed: source.map((at, frame) => frame === 40 ? 0.5 : at), limb});
    }"""
    page.evaluate(shown, _state())
    return page.get_by_role("group", name="Curves")


def drag_curve(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*page.evaluate("given => onCurve(...given)", start))
    page.mouse.down()
    page.mouse.move(*page.evaluate("given => onCurve(...given)", end), steps=4)
    page.mouse.up()


def told(page: Page, name: str) -> list[Any]:
    """What it has told so far, and no more."""
    values: list[Any] = page.evaluate("name => told.filter(([told]) => told === name).map(([, value]) => value)", name)
    return values


def test_a_key_is_dragged_to_another_frame(page: Page) -> None:
    drag(page, "keys", 40, 60)
    assert told(page, "change") == [[{**KEY, "frame": 60}, CUT]]
    assert told(page, "preview")[-1] == [{**KEY, "frame": 60}, CUT]
    assert told(page, "select")[-1] == 0
    assert page.evaluate("line.hover === undefined"), "no mark is left where it was"
    assert "frame 60" in page.locator("output").first.inner_text()


def test_what_is_dragged_back_or_broken_off_is_no_change(page: Page) -> None:
    drag(page, "keys", 40, 60, keep=False)
    page.mouse.move(*page.evaluate("at(40, 'keys')"))
    page.mouse.up()
    drag(page, "keys", 40, 60, keep=False)
    page.keyboard.press("Escape")
    page.mouse.move(*page.evaluate("at(90, 'keys')"))
    page.mouse.up()
    assert told(page, "change") == []
    assert told(page, "preview")[-1] == [KEY, CUT]


def test_an_undo_meanwhile_ends_the_drag(page: Page) -> None:
    drag(page, "keys", 40, 60, keep=False)
    page.evaluate("edits => line.show({edits})", [CUT])
    page.mouse.move(*page.evaluate("at(90, 'keys')"))
    page.mouse.up()
    assert told(page, "change") == []
    assert page.evaluate("line.edits") == [CUT]


def test_ends_are_pulled(page: Page) -> None:
    page.evaluate("line.show({selected: 0})")
    drag(page, "keys", 20, 10)
    drag(page, "spans", 160.4, 180.4)
    page.keyboard.down("Alt")
    drag(page, "spans", 99.6, 109.6)
    page.keyboard.up("Alt")
    longer = {**KEY, "before": 30}
    first, second, third = told(page, "change")
    assert first == [longer, CUT]
    assert second == [longer, {**CUT, "to": 180}]
    assert third == [longer, {**CUT, "from": 110, "to": 170}]


def test_a_click_visits_a_trouble_and_elsewhere_seeks(page: Page) -> None:
    drag(page, "troubles", 46, 46)
    assert told(page, "visit") == [JUMP]
    assert told(page, "seek") == []
    drag(page, "ruler", 100, 120)
    assert told(page, "seek")[-1] == 120
    page.keyboard.down("Shift")
    drag(page, "ruler", 200, 150)
    page.keyboard.up("Shift")
    drag(page, "ruler", 200.5, 220.5)
    assert [span for span in told(page, "choose") if span == [150, 200]]
    assert told(page, "choose")[-1] == [150, 220]
    assert told(page, "change") == []


def test_keys_do_all_of_it_and_a_held_one_is_one_change(page: Page) -> None:
    page.locator("canvas").first.focus()
    press = page.keyboard.press
    press("ArrowDown")
    assert (told(page, "select")[-1], told(page, "seek")[-1]) == (0, 40)
    page.keyboard.down("Shift")
    for _ in range(3):
        page.keyboard.down("ArrowRight")
    assert told(page, "change") == []
    page.keyboard.up("ArrowRight")
    page.keyboard.up("Shift")
    assert told(page, "change") == [[{**KEY, "frame": 43}, CUT]]
    for key in ("b", "Shift+A", "Shift+ArrowUp"):
        press(key)
    assert told(page, "change")[-1] == [{**KEY, "frame": 43, "before": 22, "after": 8}, CUT]
    press("]")
    press("Shift+ArrowLeft")
    assert told(page, "change")[-1][1] == {**CUT, "from": 99, "to": 159}
    press("Delete")
    assert len(told(page, "change")[-1]) == 1
    press("i")
    press("End")
    press("o")
    assert told(page, "choose")[-1] == [100, 299]
    press("PageUp")
    assert told(page, "visit") == [JUMP]
    assert page.locator("canvas").first.get_attribute("aria-valuetext") == "frame 299 of 300 · 11.96 s"
    page.evaluate("() => line.show({frame: 46})")  # amid it, where a visit goes
    press("PageUp")
    assert told(page, "visit") == [JUMP], "there is none before"


def test_zoom_at_the_pointer_and_the_bar_below(page: Page) -> None:
    x, y = page.evaluate("at(200, 'keys').map(Math.round)")
    frame_under = f"line.scale.exactFrame({x} - line.drawing.canvas.getBoundingClientRect().left)"
    frame = page.evaluate(frame_under)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function("line.view.across < 150")
    assert page.evaluate(frame_under) == pytest.approx(frame)
    page.mouse.wheel(0, -50)
    page.wait_for_function("told.some(([name]) => name === 'wheel')")
    before = page.evaluate("line.view.from")
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -50)
    page.keyboard.up("Shift")
    page.wait_for_function("from => line.view.from < from", arg=before)
    box = page.locator("canvas").first.bounding_box()
    assert box
    page.mouse.click(box["x"] + 12, box["y"] + box["height"] - 5)
    assert page.evaluate("line.view.from") == 0
    page.get_by_role("button", name="Show the whole clip").first.click()
    assert page.evaluate("line.view.across") == 299


def test_locked_edits_are_looked_at(page: Page) -> None:
    page.evaluate("line.show({locked: true})")
    drag(page, "keys", 40, 60)
    page.locator("canvas").first.focus()
    for key in ("Delete", "Shift+ArrowRight", "b"):
        page.keyboard.press(key)
    assert (told(page, "change"), told(page, "preview")) == ([], [])
    assert told(page, "select") == [0]


def test_a_key_of_a_curve_goes_up_or_along_not_both(page: Page, curves: Locator) -> None:
    drag_curve(page, (40, 0.5), (43, 0.46))
    up = told(page, "change")[0][0]
    assert (up["frame"], up["by"]) == (40, [pytest.approx(0.06, abs=0.002), 0])
    drag_curve(page, (40, 0.5), (60, 0.498))
    along = told(page, "change")[1][0]
    assert along == {**up, "frame": 60}


def test_an_angle_turns_the_joint_about_the_one_it_hangs_on(page: Page, curves: Locator) -> None:
    curves.get_by_role("button", name="Angle about").click()
    assert told(page, "channel") == ["angle"]
    page.evaluate("curves.show({source: new Float32Array(300), posed: new Float32Array(300)})")
    drag_curve(page, (40, 0), (40, 4))
    (x, y) = told(page, "change")[0][0]["by"]
    turned = np.deg2rad(4)
    assert (x - 0.1, y) == (
        pytest.approx(0.1 * (np.cos(turned) - 1), abs=1e-3),
        pytest.approx(-0.1 * np.sin(turned), abs=1e-3),
    )


def test_a_slope_is_pulled_and_left_to_itself_again(page: Page, curves: Locator) -> None:
    page.evaluate("curves.show({selected: 0})")
    arm = page.evaluate("30 / curves.scale.perFrame")
    drag_curve(page, (40 + arm, 0.5), (40 + arm, 0.49))
    slope = told(page, "change")[0][0]["slope"]
    assert slope == [pytest.approx(-0.01 / arm, rel=0.1), 0]
    curves.get_by_role("button", name="slope").click()
    assert told(page, "change")[1][0]["slope"] is None


def test_keys_move_a_curve(page: Page, curves: Locator) -> None:
    canvas = curves.locator("canvas")
    canvas.focus()
    for key in ("ArrowDown", "Shift+ArrowUp", "Shift+ArrowUp", "Shift+ArrowRight", "s"):
        page.keyboard.press(key)
    key = told(page, "change")[-1][0]
    assert (key["frame"], key["by"], key["slope"]) == (41, [pytest.approx(0.104), 0], [pytest.approx(0.001), 0])
    assert "left wrist" in (canvas.get_attribute("aria-valuetext") or "")
    page.keyboard.press("u")
    page.keyboard.press("Delete")
    assert told(page, "change")[-1] == [CUT]
