"""Which nodes the pictures of the help pages show."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from frugal_motion.tools.help_pictures import whole_graph

VIDEO_NODE = {
    "input": {"required": {"video": ["VIDEO", {}], "strength": ["FLOAT", {}], "look": [["a", "b"], {}]}},
    "output": ["VIDEO"],
    "output_node": False,
    "deprecated": False,
}


@pytest.fixture(scope="module")
def schemas(server: Any) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/object_info") as answer:
        return dict(json.load(answer))


def test_every_node_of_the_pack_is_shown(schemas: dict[str, Any]) -> None:
    ours = {name for name, schema in schemas.items() if name.startswith("Frugal") and not schema["deprecated"]}
    assert {node_id for node_id, _ in whole_graph(schemas).values() if node_id.startswith("Frugal")} == ours


def test_a_new_node_is_wired_to_what_gives_what_it_needs_and_looked_at(schemas: dict[str, Any]) -> None:
    graph = whole_graph({**schemas, "FrugalNew": VIDEO_NODE})
    assert graph["FrugalNew"] == ("FrugalNew", {"video": ["load", 0]})
    assert graph["FrugalNew's end"][1] == {"source": ["FrugalNew", 0]}


def test_what_a_wanted_node_does_not_need_is_left_out(schemas: dict[str, Any]) -> None:
    graph = whole_graph({**schemas, "FrugalNew": VIDEO_NODE}, "New")
    assert graph.keys() == {"load", "FrugalNew", "FrugalNew's end"}
    with pytest.raises(SystemExit, match="Nowhere"):
        whole_graph(schemas, "Nowhere")
