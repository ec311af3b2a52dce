"""Prices are believed only if they can be right, and devices are told apart."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace

import pytest

from frugal_motion.nodes.economy.prices import Card, card_named, cards
from frugal_motion.nodes.errors import InputError

OWN = Card("RTX 3060 Ti", ("RTX 3060 Ti",), 8, 32.4, 0.1, 0.05, "2026-11-23", "a friend")


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 3060", "RTX 3060"),
        ("NVIDIA GeForce RTX 3060 Ti", None),
        ("NVIDIA GeForce RTX 3060 Laptop GPU", None),
        ("NVIDIA GeForce RTX 4090 D", None),
        ("Tesla T4", "T4"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None),
        ("NVIDIA H100 80GB HBM3", "H100 SXM"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA H100 NVL", "H100 NVL"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA GH200 480GB", None),
        ("AMD Instinct MI300X", "MI300X"),
        ("cpu", None),
    ],
)
def test_devices_as_drivers_name_them(device: str, name: str | None) -> None:
    found = card_named(device)
    assert (found.name if found else None) == name


def test_every_card_is_found_by_its_own_name() -> None:
    assert [card_named(card.name) for card in cards()] == list(cards())


def test_own_prices_replace_and_join(tmp_path) -> None:
    cheaper = replace(card_named("RTX 4090"), on_demand=0.2)
    path = tmp_path / "prices.json"
    path.write_text(json.dumps([asdict(cheaper), asdict(OWN)]))
    known = cards(path)
    assert card_named("NVIDIA GeForce RTX 4090", known) == cheaper
    assert card_named("NVIDIA GeForce RTX 3060 Ti", known) == OWN
    assert len(known) == len(cards()) + 1


@pytest.mark.parametrize("price", [-0.1, float("nan"), float("inf"), 1000.5, "2", True, None])
@pytest.mark.parametrize("field", ["on_demand", "spot"])
def test_prices_that_cannot_be_right(field: str, price: object) -> None:
    with pytest.raises(InputError, match=field):
        replace(OWN, **{field: price})


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "{}",
        "[3]",
        '[{"name": "X"}]',
        json.dumps([asdict(OWN) | {"spot": -1}]),
        json.dumps([asdict(OWN) | {"devices": "RTX"}]),
        json.dumps([asdict(OWN) | {"date": "yesterday"}]),
        json.dumps([asdict(OWN) | {"tflops": 0}]),
    ],
)
def test_a_wrong_file_gives_one_warning_and_is_not_used(tmp_path, text, caplog) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert cards(path) == cards(path) == cards()
    assert len(caplog.records) == 1
