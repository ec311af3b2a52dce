"""Every language says all that English says, and English is what the nodes and the settings say."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from comfy_api.latest import io

import frugal_motion
from frugal_motion.tools import locales

LANGUAGES = ["es", "fr", "ja", "zh"]
KEPT = re.compile(r"[\w./*+]*[\d/][\w./*+]*|\.\w\w+|\b[A-Z]{2,}\w*|\b[a-z]+_[a-z]+\b")
"""Numbers, files and folders, types, what is spelled with an underscore."""


@pytest.fixture(scope="module")
def english() -> locales.Files:
    return locales.english()


def committed(language: str) -> locales.Files:
    folder = locales.LOCALES / language
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


def test_english_is_current(english: locales.Files) -> None:
    assert committed("en") == english, "run `make locales`"


def test_the_languages_are_those_that_were_promised() -> None:
    assert locales.languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_missing_and_nothing_is_stale(language: str, english: locales.Files) -> None:
    known = locales.translations(language)
    assert known.keys() == locales.texts(english), "run `make locales`"
    assert all(text.strip() for text in known.values())
    assert committed(language) == locales.translated(english, known), "run `make locales`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_files_and_types_are_kept(language: str) -> None:
    sentences = {text: said for text, said in locales.translations(language).items() if " " in text}
    lost = {
        (word, text)
        for text, said in sentences.items()
        for word in (found.rstrip(".") for found in KEPT.findall(text))
        if word not in said and word not in {"motion_a", "motion_b", "4th", "GB"}  # names of inputs, and words
    }
    assert not lost


@pytest.mark.parametrize("language", LANGUAGES)
def test_options_are_called_as_the_node_shows_them(language: str) -> None:
    """What a tooltip says of a Combo's options: the editor does not translate those."""
    shown = committed(language)["nodeDefs.json"]
    for schema in _schemas():
        for one in schema.inputs:
            for option in getattr(one, "options", None) or ():
                if re.search(rf"\b{re.escape(str(option))}: ", one.tooltip or ""):
                    said = shown[schema.node_id]["inputs"][one.id]["tooltip"]
                    assert re.search(rf"\b{re.escape(str(option))} ?[:：]", said), (schema.node_id, one.id, option)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_editor_takes_no_text_for_a_formula(language: str) -> None:
    """vue-i18n reads these characters as placeholders, links and plurals."""
    assert not [text for text in locales.texts(committed(language)) if set(text) & set("{}@|")]


def test_the_headings_of_the_settings_are_translated() -> None:
    code = (locales.ROOT / "web/js/settings.js").read_text(encoding="utf-8")
    groups = re.search(r"GROUPS = \{(.*?)\}", code)
    category = re.search(r"category: \[(.*)\]", code)
    assert groups and category
    said = {text for found in (groups, category) for text in re.findall(r'"([A-Z][^"]*)"', found[1])}
    assert said == set(locales.CATEGORIES)


def test_the_tooltip_of_the_panel_is_translated() -> None:
    assert f'tooltip: "{locales.PANEL}"' in (locales.ROOT / "web/js/panel.js").read_text(encoding="utf-8")


def test_what_the_panels_in_nodes_look_up_is_translated() -> None:
    looked_up = set()
    for path in (locales.ROOT / "web/js").rglob("*.js"):
        code = path.read_text(encoding="utf-8")
        for given in re.findall(r"\bword\(([^()]*)\)", code):
            constants = [
                found[1] for name in re.findall(r"\b[A-Z]+\b", given) for found in [_constant(name, code)] if found
            ]
            looked_up |= {*re.findall(r'"([^"]*)"', given), *constants}
    assert looked_up == set(locales.WORDS)


def _constant(name: str, code: str) -> re.Match[str] | None:
    return re.search(rf'const {name} = "([^"]*)"', code)


def _schemas() -> list[Any]:
    nodes: list[type[io.ComfyNode]] = asyncio.run(frugal_motion.comfy_entrypoint().get_node_list())
    return [schema for schema in (node.define_schema() for node in nodes) if not schema.is_deprecated]
