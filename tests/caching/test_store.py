"""Entries are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from frugal_motion.nodes.caching.digests import Digests, sha256
from frugal_motion.nodes.caching.store import Store

KEY = "ab" * 32


def test_what_is_added_is_found_after_a_restart(tmp_path: Path) -> None:
    Store(tmp_path).add(KEY, "values", ".bin", lambda path: path.write_bytes(b"12345") and None, seconds=lambda: 1.5)
    entry = Store(tmp_path).find(KEY)
    assert entry and entry.path.read_bytes() == b"12345"
    assert (entry.kind, entry.size, entry.seconds) == ("values", 5, 1.5)
    assert Store(tmp_path).find("cd" * 32) is None


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Store(tmp_path).add(KEY, "values", ".bin", fail)
    assert Store(tmp_path).find(KEY) is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", [b"", b"1234", None])
def test_a_damaged_entry_is_not_found(tmp_path: Path, damage: bytes | None) -> None:
    entry = Store(tmp_path).add(KEY, "values", ".bin", lambda path: path.write_bytes(b"12345") and None)
    entry.path.unlink() if damage is None else entry.path.write_bytes(damage)
    assert Store(tmp_path).find(KEY) is None


@pytest.mark.parametrize("facts", ["", "{}", "[]", '{"suffix": ".bin", "size": "x"}', "not json"])
def test_a_damaged_index_is_not_found(tmp_path: Path, facts: str) -> None:
    entry = Store(tmp_path).add(KEY, "values", ".bin", lambda path: path.write_bytes(b"12345") and None)
    entry.path.with_suffix(".json").write_text(facts)
    assert Store(tmp_path).find(KEY) is None


def test_digests_follow_the_content_and_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"one")
    first = Digests(tmp_path / "memory.json").of(file)
    assert first == sha256(file)
    again = Digests(tmp_path / "memory.json")
    monkeypatch.setattr("frugal_motion.nodes.caching.digests.sha256", lambda path: pytest.fail("read twice"))
    assert again.of(file) == first
    monkeypatch.undo()
    file.write_bytes(b"other")
    assert again.of(file) == sha256(file) != first


def test_a_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text('{"x": 1}')
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"one")
    assert Digests(tmp_path / "memory.json").of(file) == sha256(file)
