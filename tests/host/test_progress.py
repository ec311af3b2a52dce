"""What a user sees of long work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from frugal_motion.nodes.host import progress
from frugal_motion.nodes.host.progress import TimeLeft, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (7.4, "7 s"), (59.6, "1 min 0 s"), (83, "1 min 23 s"), (3600, "1 h 0 min"), (4000, "1 h 6 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def said(monkeypatch: pytest.MonkeyPatch, total: int, steps: list[tuple[float, int]]) -> list[str]:
    words: list[str] = []
    now = [0.0]
    monkeypatch.setattr(progress, "show_on_node", words.append)
    time_left = TimeLeft(total, lambda: now[0])
    for at, done in steps:
        now[0] = at
        time_left.at(done)
    return words


def test_time_left_is_said_when_it_is_long_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [(float(second), second) for second in range(1, 31)]
    words = said(monkeypatch, 30, steps)
    assert words[0] == "about 25 s left"
    assert words[1] == "about 23 s left"
    assert len(words) == 14
    assert words[-1] == "took 30 s", "a second after what was left"


def test_the_end_says_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, 10, [(6.0, 5), (20.0, 10)]) == ["about 6 s left", "took 20 s"]


def test_short_work_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, 10, [(1.0, 5), (2.0, 10)]) == []
    assert said(monkeypatch, 10, [(9.0, 0)]) == []


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the server is told to show while node 7 executes."""
    sent: list[tuple[Any, ...]] = []

    class Server:
        client_id = "editor"

        def send_progress_text(self, *given: Any) -> None:
            sent.append(given)

    monkeypatch.setattr(progress.PromptServer, "instance", Server(), raising=False)
    monkeypatch.setattr(progress, "get_executing_context", lambda: SimpleNamespace(node_id="7"))
    return sent


def test_words_go_to_the_client_that_asked(sent: list[tuple[Any, ...]]) -> None:
    progress.show_on_node("half done")
    assert sent == [("half done", "7", "editor")]


def test_notes_stay_with_their_node_and_the_newest_of_a_topic_counts(
    sent: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = progress.NodeNotes()
    monkeypatch.setattr(progress, "get_executing_context", lambda: SimpleNamespace(node_id="8"))
    notes("damage", "2 frames")
    notes("HDR", "bright")
    notes("damage", "3 frames")
    assert sent == [
        ("2 frames", "7", "editor"),
        ("2 frames\nbright", "7", "editor"),
        ("3 frames\nbright", "7", "editor"),
    ]
