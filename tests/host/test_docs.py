"""Every node has a help page in the editor, which speaks of all inputs and outputs; settings and routes have theirs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web
from comfy_api.latest import io
from PIL import Image
from server import PromptServer

import frugal_motion
from frugal_motion.nodes.host.settings import OWNER_ONLY, Settings
from frugal_motion.nodes.server.routes import register

DOCS = Path(__file__).resolve().parents[2] / "web" / "docs"
SCHEMAS: dict[str, io.Schema] = {
    schema.node_id: schema
    for schema in (node.define_schema() for node in asyncio.run(frugal_motion.comfy_entrypoint().get_node_list()))
    if not schema.is_deprecated  # which the editor does not offer: those of merged jobs
}


STILL, MOVING = 40_000, 200_000
"""Bytes of a picture, at most."""


def moves(picture: str) -> bool:
    """Whether a .webp is animated."""
    return b"ANIM" in (DOCS / picture).read_bytes()[:64]


def page(node_id: str) -> str:
    return (DOCS / f"{node_id}.md").read_text(encoding="utf-8")


def explained(text: str) -> set[str]:
    """Names in the first column of the page's tables."""
    cells = re.findall(r"^\| ([^|]*) \|", text, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def guide(name: str) -> str:
    return (DOCS.parents[1] / "docs" / f"{name}.md").read_text(encoding="utf-8")


def shown(value: object) -> str:
    """A default as the page has it."""
    return "true" if value is True else f"{value:g}" if isinstance(value, int | float) else str(value)


def test_there_is_one_page_per_node_and_no_other() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == set(SCHEMAS)


def test_the_front_page_leads_to_each_by_its_name() -> None:
    front = (DOCS.parents[1] / "README.md").read_text(encoding="utf-8")
    named = {node_id: name for name, node_id in re.findall(r"\[([^\]]+)\]\(web/docs/(\w+)\.md\)", front)}
    assert named == {node_id: schema.display_name for node_id, schema in SCHEMAS.items()}


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_the_title_is_the_name_in_the_menu(node_id: str) -> None:
    assert page(node_id).splitlines()[0] == f"# {SCHEMAS[node_id].display_name}"


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_there_is_a_picture(node_id: str) -> None:
    named = re.findall(r"^!\[[^\]]+\]\((.+)\)$", page(node_id), flags=re.MULTILINE)
    assert named[0] == f"images/{node_id}.webp", "made by python -m tools.help_pictures"
    assert all(1000 < (DOCS / name).stat().st_size < (MOVING if moves(name) else STILL) for name in named)


def test_the_picture_of_editing_moves_in_a_loop() -> None:
    with Image.open(DOCS / "images" / "FrugalEditMotion.webp") as film:
        assert (film.format, film.info["loop"]) == ("WEBP", 0)
        assert film.n_frames > 30


def test_there_are_no_other_pictures() -> None:
    named = {name for node_id in SCHEMAS for name in re.findall(r"\]\((images/[^)]+)\)", page(node_id))}
    assert {f"images/{path.name}" for path in (DOCS / "images").iterdir()} == named


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_the_inputs_are_those_of_the_node(node_id: str) -> None:
    wanted = {name for each in SCHEMAS[node_id].inputs for name in (each.id, each.display_name) if name}
    assert wanted <= explained(section(page(node_id), "Inputs"))


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_the_outputs_are_those_of_the_node(node_id: str) -> None:
    # The editor shows the type of an output that has no name.
    wanted = {output.display_name or output.get_io_type() for output in SCHEMAS[node_id].outputs}
    assert explained(section(page(node_id), "Outputs")) == wanted


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_a_page_is_whole_without_the_repository(node_id: str) -> None:
    """The editor is given nothing but the pages and their pictures."""
    targets = re.findall(r"\]\(([^)]+)\)", page(node_id))
    assert [link for link in targets if not link.startswith(("images/", "#", "https://"))] == []


def test_the_page_of_settings_has_them_all() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (yes|no) \|", guide("settings"), flags=re.MULTILINE)
    assert {name: default for name, default, _ in rows} == {
        name: shown(field.default) for name, field in Settings.model_fields.items()
    }
    assert {name for name, _, in_editor in rows if in_editor == "no"} == OWNER_ONLY


def test_the_page_of_routes_has_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SimpleNamespace(routes=web.RouteTableDef(), app=web.Application(), prompt_queue=None)
    monkeypatch.setattr(PromptServer, "instance", server, raising=False)
    register()
    there = {f"{route.method} {route.path}" for route in server.routes if isinstance(route, web.RouteDef)}
    assert set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", guide("http"), flags=re.MULTILINE)) == there
