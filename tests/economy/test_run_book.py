"""What the last runs have cost, on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from frugal_motion.nodes.economy.run_book import RunBook


def test_the_newest_come_first_and_the_oldest_go(tmp_path: Path) -> None:
    runs = RunBook(tmp_path / "runs", kept=3)
    assert list(runs.newest()) == [] and runs.find("1") is None
    for number in range(5):
        runs.add(str(number), 1000 * number, {"dollars": number})
    assert [record["run"] for record in runs.newest()] == ["4", "3", "2"]
    assert [record["dollars"] for record in runs.newest(1)] == [4]
    found = runs.find("3")
    assert found == {"run": "3", "ended": 3.0, "dollars": 3} and runs.find("0") is None


def test_a_damaged_record_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runs = RunBook(tmp_path)
    runs.add("a", 1, {}), runs.add("b", 2, {}), runs.add("c", 3, {})
    first, second, _ = sorted(tmp_path.iterdir())
    first.write_text("{", encoding="utf-8")
    second.write_text("[]", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert [record["run"] for record in runs.newest()] == ["c"]
    assert "cannot be read" in caplog.text and (tmp_path / "notes.txt").exists()


def test_a_prompt_id_never_leads_elsewhere(tmp_path: Path) -> None:
    runs = RunBook(tmp_path / "runs")
    runs.add("../../evil", 1, {})
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "runs"]
    assert runs.find("../../evil")
