"""The cache over HTTP, on a real ComfyUI server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.tools.server import Server

from .client import ask as ask_server

KEYS = [f"{number:02x}" * 32 for number in range(3)]


@pytest.fixture
def store(server: Server) -> Iterator[EntryStore]:
    """Three entries beside what other tests have left."""
    store = EntryStore(server.base / "user" / "frugal-motion" / "cache")
    for number, key in enumerate(KEYS):
        store.add(key, "test", ".bin", lambda path, n=number: path.write_bytes(bytes(10 * (n + 1))) and None, made="me")
    yield store
    for entry in list(store.entries()):
        if entry.key in KEYS:
            store.remove(entry)


def ask(server: Server, path: str, body: Any = None) -> tuple[int, Any]:
    return ask_server(server, "/cache" + path, body)


def ours(entries: list[dict[str, Any]]) -> list[str]:
    return sorted(entry["key"] for entry in entries if entry["kind"] == "test")


def test_status(server: Server, store: EntryStore) -> None:
    code, found = ask(server, "")
    assert code == 200 and Path(found["folder"]) == store.folder
    assert found["bytes"] >= 60 and found["limit_bytes"] == 50e9
    assert {"hits", "misses", "seconds_saved", "gpu_seconds_saved", "dollars_saved"} <= found.keys()
    assert ours(found["entries"]) == KEYS
    entry = next(entry for entry in found["entries"] if entry["key"] == KEYS[1])
    assert (entry["bytes"], entry["made"], entry["pinned"]) == (20, "me", False)


def test_purge_by_kind_spares_what_is_pinned(server: Server, store: EntryStore) -> None:
    assert ask(server, "/pin", {"key": KEYS[0]}) == (200, {"pinned": True})
    code, found = ask(server, "/purge", {"kind": "test", "unused_days": 0})
    assert code == 200 and ours(found["dropped"]) == KEYS[1:]
    assert ours(ask(server, "")[1]["entries"]) == KEYS[:1]
    assert ours(ask(server, "/purge", {"keys": KEYS[:1]})[1]["dropped"]) == KEYS[:1]


def test_what_is_still_young_stays(server: Server, store: EntryStore) -> None:
    assert ask(server, "/purge", {"kind": "test", "unused_days": 1})[1] == {"dropped": []}


def test_verify_drops_what_is_damaged(server: Server, store: EntryStore) -> None:
    entry = store.find(KEYS[2])
    assert entry
    entry.path.write_bytes(b"x" * 30)
    assert ours(ask(server, "/verify", {})[1]["dropped"]) == [KEYS[2]]
    assert store.find(KEYS[2]) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/purge", {}),
        ("/purge", b"{"),
        ("/purge", []),
        ("/purge", {"folder": "/"}),
        ("/purge", {"kind": 1}),
        ("/purge", {"unused_days": "x"}),
        ("/purge", {"keys": "abc"}),
        ("/purge", {"keys": [1]}),
        ("/pin", {"key": "../../x"}),
        ("/pin", {"key": None}),
        ("/pin", {}),
    ],
)
def test_bad_requests_are_told_why(server: Server, store: EntryStore, path: str, body: Any) -> None:
    code, found = ask(server, path, body)
    assert code == 400 and "allowed: " in found["error"]
    assert ours(ask(server, "")[1]["entries"]) == KEYS
