"""What the editor shows of the pack, in every language: ``make locales`` writes ``locales/<language>/*.json``.

English comes from the nodes' schemas and the settings. ``locales/<language>.json`` says each English text in another
language; where one changes, its translations have to be made anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "locales"

WORDS = (
    "Beats of the sound",
    "Divider between the two ways",
    "Frame",
    "Keyframe",
    "Keyframes that were compared",
    "Known keyframe",
    "Next keyframe",
    "Not taken for this shot",
    "Previous keyframe",
    "Shot",
    "Taken for this shot",
    "The preview is gone from ComfyUI's temp folder. Run the graph again.",
    "Ways compared",
)
"""What files in ``web/js`` give to ``word`` of ``lib/words.js``, which looks it up."""

Files = dict[str, dict[str, Any]]
"""By name, what ComfyUI reads of one language."""

CATEGORIES = ("Frugal Motion", "Cache", "Idle GPU", "Cost", "Set by the environment")
"""Headings of ``web/js/settings.js``."""

PANEL = "Frugal Motion: GPU, costs, cache"
"""Tooltip of ``web/js/panel.js``; the editor looks up the text itself."""


def english() -> Files:
    """All that is translated, in the shapes of ComfyUI's own locales; the pack must have been imported."""
    schemas = [schema for schema in _schemas() if not schema.is_deprecated]  # those the editor does not offer
    return {
        "commands.json": {
            "Workspace_ToggleSidebarTab_frugal-motion": {"label": "Toggle Frugal Motion Sidebar", "tooltip": PANEL}
        },
        "main.json": {
            PANEL: PANEL,
            **{text: text for text in WORDS},
            "nodeCategories": {part: part for schema in schemas for part in schema.category.split("/")},
            "settingsCategories": {name: name for name in CATEGORIES},
        },
        "nodeDefs.json": {schema.node_id: _node(schema) for schema in schemas},
        "settings.json": dict(_settings()),
    }


def _schemas() -> Iterator[Any]:
    import frugal_motion

    for node in asyncio.run(frugal_motion.comfy_entrypoint().get_node_list()):
        yield node.define_schema()


def _node(schema: Any) -> dict[str, Any]:
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": {one.id: _slot(one.display_name or one.id, one.tooltip) for one in schema.inputs},
        "outputs": {str(place): _slot(one.display_name, one.tooltip) for place, one in enumerate(schema.outputs)},
    }


def _slot(name: str | None, tooltip: str | None) -> dict[str, str]:
    return {key: text for key, text in (("name", name), ("tooltip", tooltip)) if text}


def _settings() -> Iterator[tuple[str, dict[str, str]]]:
    """Those that the editor shows."""
    from frugal_motion.nodes.host.settings import OWNER_ONLY, Settings

    for name, field in Settings.model_fields.items():
        if name not in OWNER_ONLY:
            yield f"FrugalMotion_{name}", {"name": field.title or name, "tooltip": field.description or ""}


def languages() -> list[str]:
    """Those besides English."""
    return sorted(path.stem for path in LOCALES.glob("*.json"))


def translations(language: str) -> dict[str, str]:
    """Each English text in that language."""
    known: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return known


def translated(content: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """The same in another language.

    Raises:
        KeyError: a text is not known.
    """
    return {
        key: translated(value, known) if isinstance(value, dict) else known[value] for key, value in content.items()
    }


def texts(content: dict[str, Any]) -> set[str]:
    """What there is to translate."""
    return set(_texts(content))


def _texts(content: dict[str, Any]) -> Iterator[str]:
    for value in content.values():
        if isinstance(value, dict):
            yield from _texts(value)
        else:
            yield value


def main() -> int:
    """Write all languages; say which texts lack a translation, and which translations no text has any more."""
    from .pack import import_pack

    import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())
    files = english()
    _write("en", files)
    status = 0
    for language in languages():
        known = translations(language)
        differ = texts(files) ^ known.keys()
        for text in sorted(differ):
            print(f"locales/{language}.json: {'stale' if text in known else 'missing'}: {text}")
            status = 1
        if not differ:
            _write(language, translated(files, known))
    return status


def _write(language: str, files: Files) -> None:
    (LOCALES / language).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (LOCALES / language / name).write_text(as_json(content), encoding="utf-8")


def as_json(content: dict[str, Any]) -> str:
    """As the files hold it."""
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
