"""ComfyUI's editor in a headless Chromium: for tests, for pictures, and to make the API twins of the workflows.

python -m tools.editor --server http://127.0.0.1:8188    writes workflows/api/*.json from workflows/*.json
"""

from __future__ import annotations

import argparse
import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from .system import find_chromium

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / "workflows"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--no-proxy-server",
]
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.UseNewMenu": "Top",
    "Comfy.EnableTooltips": False,
    "Comfy.Workflow.Persist": False,
    "Comfy.Graph.CanvasInfo": False,
    "Comfy.Notification.ShowVersionUpdates": False,
}
PATIENCE = 120_000
LONGEST_RUN = 900_000
"""Milliseconds: machines that build and test are busy."""
READY = """() => window.app?.vueAppReady === true && window.app.graph && !window.app.extensionManager.spinner
    && window.app.api.socket?.readyState === WebSocket.OPEN"""
"""The editor is there, and hears what the server tells: a run that ends earlier would never end for it."""

LOAD = """async (text) => {
    const options = {showMissingModelsDialog: false, showMissingNodesDialog: false};
    await app.loadGraphData(JSON.parse(text), true, true, null, options);
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
RUN = """async () => {
    const ended = new Promise((done, fail) => {
        app.api.addEventListener('execution_success', () => done(), {once: true});
        app.api.addEventListener('execution_error', ({detail}) => fail(detail.exception_message), {once: true});
    });
    await app.queuePrompt(0);
    await ended;
    return true;
}"""
FRAMES_SHOWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
MINOR_VERSION = "() => parseInt(window.__COMFYUI_FRONTEND_VERSION__.split('.')[1])"
"""Of the editor: 32 of 1.32.9."""
CONVERT = "async () => JSON.stringify((await app.graphToPrompt()).output)"


@contextmanager
def chromium(server: str) -> Iterator[Browser]:
    """A browser that reaches the machine of a server and no other.

    Args:
        server: its URL.

    Raises:
        RuntimeError: there is no Chromium.
    """
    program = find_chromium()
    if not program:
        raise RuntimeError("no Chromium; install it (Debian: apt-get install chromium), or set CHROMIUM to its path")
    # To ask for leave at every request, as Playwright's routes do, would double the work of opening the editor.
    alone = f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {urlsplit(server).hostname}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, alone])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def editor(
    server: str,
    nodes_2: bool = False,
    size: tuple[int, int] = (1500, 900),
    language: str = "en",
    browser: Browser | None = None,
) -> Iterator[Page]:
    """Open the editor of a running server; nothing outside that server's machine is reached.

    Args:
        server: its URL.
        nodes_2: draw nodes with the newer renderer.
        size: of the window, in pixels.
        language: that it speaks.
        browser: what ``chromium`` has started for servers on that machine; without, one is started and ended.

    Raises:
        RuntimeError: there is no Chromium.
    """
    _post(f"{server}/api/settings", {**SETTINGS, "Comfy.VueNodes.Enabled": nodes_2, "Comfy.Locale": language})
    with ExitStack() as stack:
        browser = browser or stack.enter_context(chromium(server))
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="en-US", reduced_motion="reduce"
        )
        stack.callback(context.close)
        context.add_init_script("localStorage.setItem('vueNodesBannerDismissed', 'true')")
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(server, wait_until="domcontentloaded")
        page.wait_for_function(READY)
        yield page


def load(page: Page, workflow: Path) -> None:
    """Open a UI workflow, as dropping its file on the canvas does."""
    page.evaluate(LOAD, workflow.read_text(encoding="utf-8"))


def run(page: Page) -> None:
    """Run the graph on the canvas, to the end.

    Raises:
        Error: a node failed, or it has not ended within ``LONGEST_RUN``.
    """
    page.wait_for_function(RUN, polling=1000, timeout=LONGEST_RUN)  # ``evaluate`` need not end; it is called once


def show_frames(page: Page) -> None:
    """Wait until what was changed is on the screen."""
    page.wait_for_function(FRAMES_SHOWN)


def to_api(page: Page, classes: dict[str, Any]) -> dict[str, Any]:
    """What the editor would post to the prompt queue for the graph on the canvas.

    Args:
        classes: the answer of ``/object_info``. Inputs that are none of a node's, the state of previews, are left out:
            they come and go with versions of the editor.
    """
    prompt: dict[str, Any] = json.loads(page.evaluate(CONVERT))
    for node in prompt.values():
        kinds = classes[node["class_type"]]["input"]
        known = {**kinds.get("required", {}), **kinds.get("optional", {})}
        node["inputs"] = {name: value for name, value in node["inputs"].items() if name in known}
    return prompt


def _post(url: str, value: Any) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(value).encode(), headers)  # noqa: S310  a server on this machine
    urllib.request.urlopen(request).close()  # noqa: S310


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the API twins of the shipped UI workflows.")
    parser.add_argument("--server", default="http://127.0.0.1:8188", help="a running ComfyUI with this pack")
    arguments = parser.parse_args()
    with urllib.request.urlopen(f"{arguments.server}/object_info") as answer:  # noqa: S310  a server on this machine
        classes = json.load(answer)
    with editor(arguments.server) as page:
        for workflow in sorted(WORKFLOWS.glob("*.json")):
            load(page, workflow)
            twin = WORKFLOWS / "api" / workflow.name
            twin.write_text(json.dumps(to_api(page, classes), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"wrote {twin.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
