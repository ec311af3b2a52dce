"""What may be asked for."""

from __future__ import annotations

import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.jobs.job import Request, check_prompt, check_webhook, saved_apart, with_values

from .graphs import workflow


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "workflow"),
        ({"workflow": "x", "values": {"a.b": None}}, "values.a.b"),
        ({"workflow": "x", "values": {"a.b": ["1", 0]}}, "values.a.b"),
        ({"workflow": "x", "values": {"a.b": "x" * 20_001}}, "values.a.b"),
        ({"workflow": "x", "client": "x" * 65}, "client"),
        ({"workflow": "x", "deadline_seconds": -1}, "deadline_seconds"),
        ({"workflow": "x", "deadline_seconds": float("inf")}, "deadline_seconds"),
        ({"workflow": "x", "values": {"a.b": float("inf")}}, "values.a.b"),
        ({"workflow": "x", "colour": 1}, "colour"),
    ],
)
def test_what_is_wrong_is_named(given: dict, name: str) -> None:
    with pytest.raises(InputError) as caught:
        Request.of(given)
    assert caught.value.name == name and caught.value.allowed


@pytest.mark.parametrize(
    ("workflow", "name"),
    [
        (1, "workflow"),
        ({}, "workflow"),
        ({str(number): {"class_type": "X", "inputs": {}} for number in range(1001)}, "workflow"),
        ({"1": []}, "workflow.1"),
        ({"1": {"inputs": {}}}, "workflow.1.class_type"),
        ({"1": {"class_type": "X", "inputs": []}}, "workflow.1.inputs"),
        ({"1": {"class_type": "X", "inputs": {}, "_meta": 1}}, "workflow.1._meta"),
        ({"1": {"class_type": "X", "inputs": {"a": [{"b": float("inf")}]}}}, "workflow"),
    ],
)
def test_what_is_wrong_with_a_workflow_is_named(workflow: object, name: str) -> None:
    with pytest.raises(InputError) as caught:
        check_prompt(workflow)
    assert caught.value.name == name and caught.value.allowed


def test_values_go_where_titles_or_ids_say() -> None:
    prompt = with_values(workflow(), {"Prompt.text": "new", "6.seed": 7, "Load Video.file": "b.mp4"})
    assert prompt == workflow("b.mp4", "new", 7)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Nobody.text", "Title.input, with a title of Checkpoint"),
        ("Prompt.colour", "text, clip"),
        ("Prompt.clip", "wired"),
        ("text", "no such node"),
    ],
)
def test_values_that_belong_nowhere(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        with_values(workflow(), {name: "x"})
    assert caught.value.name == f"values.{name}"


def test_equal_titles_are_told_apart_by_ids() -> None:
    prompt = workflow()
    prompt["4"]["_meta"]["title"] = "Prompt"
    with pytest.raises(InputError, match="an id: 3, 4"):
        with_values(prompt, {"Prompt.text": "x"})


def test_workflows_whose_wires_lead_nowhere_or_back() -> None:
    for link, words in ((["99", 0], "'99'"), (["8", 0], "circle")):
        prompt = workflow()
        prompt["1"]["inputs"]["file"] = link
        with pytest.raises(InputError, match=words):
            check_prompt(prompt)


def test_files_go_to_a_folder_of_the_job() -> None:
    assert saved_apart(workflow(prefix="a/../../b\\c"), "7") == workflow(prefix="jobs/7/c")
    assert saved_apart(workflow(prefix=".."), "7")["8"]["inputs"]["filename_prefix"] == "jobs/7/result"


HOSTS = frozenset({"example.com"})


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://example.com.evil.org/",
        "http://example.com@evil.org/",
        "http://user:secret@example.com/",
        "//example.com",
        "http://[::1/",
        "http://example.com:99999/",
    ],
)
def test_webhooks_go_to_allowed_hosts_only(url: str) -> None:
    with pytest.raises(InputError) as caught:
        check_webhook(url, HOSTS)
    assert caught.value.name == "webhook"


def test_good_webhooks() -> None:
    check_webhook("", frozenset())
    check_webhook("https://EXAMPLE.com:8443/hook?x=1", HOSTS)
