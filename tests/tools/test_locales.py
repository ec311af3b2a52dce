"""Every language says all that English says, and English is what the nodes and the settings say."""

from __future__ import annotations

import asyncio
import json
import re
from fractions import Fraction
from typing import Any, get_args

import pytest
from comfy_api.latest import io

import frugal_motion
from frugal_motion.nodes.forecast.edit_work import Edit, EditedClip, savings
from frugal_motion.nodes.jobs.job import State
from frugal_motion.nodes.keyframes.uniform import every_nth
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
        if word not in said
        and word not in {"motion_a", "motion_b", "4th", "GB", "MB", "TB"}  # names of inputs, and words
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
    """vue-i18n reads these characters as placeholders, links and plurals; what ``word`` looks up does not pass it."""
    files = committed(language)
    words = files["main.json"].pop("frugalMotion")
    assert words
    assert not [text for text in locales.texts(files) if set(text) & set("{}@|")]


def test_the_headings_of_the_settings_are_translated() -> None:
    code = (locales.ROOT / "web/js/settings.js").read_text(encoding="utf-8")
    groups = re.search(r"GROUPS = \{(.*?)\}", code)
    category = re.search(r"category: \[(.*)\]", code)
    assert groups and category
    said = {text for found in (groups, category) for text in re.findall(r'"([A-Z][^"]*)"', found[1])}
    assert said == set(locales.CATEGORIES)


def test_the_tooltip_of_the_panel_is_translated() -> None:
    assert f'tooltip: "{locales.PANEL}"' in (locales.ROOT / "web/js/panel.js").read_text(encoding="utf-8")


def test_all_that_scripts_look_up_is_found() -> None:
    code = """
        word("one"); word('say "two"', { a: 1 }), word(
          "it's {three}",
          { three },
        );
        /** word("in a comment") */ function word(text) {} password("no"); this.word(no);
    """
    assert list(locales.words_in(code)) == ["one", 'say "two"', "it's {three}", "in a comment"]
    assert "Play" in locales.words()


@pytest.mark.parametrize("call", ["word(TEXT)", 'word("a" + b)', "word(`a`)", 'word(on ? "a" : "b")', "word()"])
def test_a_text_that_nobody_could_translate_is_refused(call: str) -> None:
    with pytest.raises(ValueError, match=r"a\.js:2: .* is no literal"):
        list(locales.words_in(f'word("fine");\n  {call};', "a.js"))


def test_scripts_do_not_look_up_behind_our_back() -> None:
    """``word`` under another name, or given to another function."""
    for path in locales.SCRIPTS.rglob("*.js"):
        code = path.read_text(encoding="utf-8")
        if "lib/words.js" in code:
            rest = re.sub(r"^import .*?;$|/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", "", code, flags=re.M | re.S)
            assert not re.search(r"\bword\b(?!\()", rest), path
        assert not re.search(r"\bword as\b", code), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_have_a_place_in_every_translation(language: str) -> None:
    known = locales.translations(language)
    lost = {text for text in locales.words() if _places(text) != _places(known[text])}
    assert not lost


def _places(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_what_the_server_calls_by_name_has_words() -> None:
    """States of jobs and of workers, and savings of estimates."""
    workers = {"idle", "busy", "draining", "unusable"}
    states = set(get_args(State)) - {"queued"}  # that is told with its place in the queue
    clip = EditedClip(every_nth(8, Fraction(8), 4), (64, 64), (64, 64))
    names = {name for name, _ in savings(Edit((clip,)))} - {"naive"}
    assert workers | states | names <= set(locales.words())


def _schemas() -> list[Any]:
    nodes: list[type[io.ComfyNode]] = asyncio.run(frugal_motion.comfy_entrypoint().get_node_list())
    return [schema for schema in (node.define_schema() for node in nodes) if not schema.is_deprecated]
