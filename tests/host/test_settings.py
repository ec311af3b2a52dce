"""Settings that cannot be read: nothing opens by that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.settings import change_settings, settings, settings_file, settings_problem

TYPO, NO_JSON = '{"cache_gigabyte": 5}', '{"cache_days": 5,}'


def write(text: str) -> Path:
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("wrong", [TYPO, NO_JSON, "[]", "", '{"cache_days": -1}', b"\xff"])
def test_what_was_right_last_holds_on(wrong: str | bytes) -> None:
    path = write('{"jobs_token": "secret", "cache_days": 3}')
    assert settings().jobs_token == "secret" and not settings_problem()
    path.write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
    assert settings().jobs_token == "secret" and settings().cache_days == 3 and not settings_problem()
    path.unlink()
    assert settings().jobs_token == ""


@pytest.mark.parametrize("wrong", [TYPO, NO_JSON, "[]", ""])
def test_without_any_the_environment_holds_and_there_is_a_problem(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUGAL_MOTION_JOBS_TOKEN", "secret")
    path = write(wrong)
    assert settings().jobs_token == "secret" and settings_problem()
    path.write_text("{}")
    assert settings().jobs_token == "secret" and not settings_problem()


def test_an_environment_that_is_wrong_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUGAL_MOTION_JOBS_BATCH", "many")
    write('{"jobs_token": "secret"}')
    assert settings().jobs_batch == 8 and "jobs_batch" in settings_problem()


@pytest.mark.parametrize("wrong", [NO_JSON, "[]", ""])
def test_a_file_that_cannot_be_read_is_not_written_over(wrong: str) -> None:
    path = write(wrong)
    with pytest.raises(InputError, match=r"settings\.json"):
        change_settings({"meter": False})
    assert path.read_text() == wrong


def test_the_first_change_makes_the_file() -> None:
    assert change_settings({"meter": False}).meter is False
    assert json.loads(settings_file().read_text()) == {"meter": False}
