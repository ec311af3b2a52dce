"""The routes of jobs, as OpenAPI 3.1 describes them."""

from __future__ import annotations

from typing import Any

from ..jobs.job import Request
from .answers import PREFIX

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_MAYBE_NUMBER = {"type": ["number", "null"]}

JOB: dict[str, Any] = {
    "type": "object",
    "required": ["job_id", "state"],
    "properties": {
        "job_id": _TEXT,
        "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
        "client": _TEXT,
        "created": {**_NUMBER, "description": "Seconds since 1970, as all times."},
        "started": _MAYBE_NUMBER,
        "ended": _MAYBE_NUMBER,
        "deadline": _MAYBE_NUMBER,
        "position": {"type": ["integer", "null"], "description": "Among those that wait; 1 came first."},
        "progress": {
            "type": ["object", "null"],
            "description": "Nodes done, nodes in all, the node that works, and how far that is.",
            "properties": {"done": _NUMBER, "of": _NUMBER, "node": _TEXT, "value": _NUMBER, "max": _NUMBER},
        },
        "estimate": {
            "type": ["object", "null"],
            "description": "What the GPU will take for it alone by earlier runs; only in the answer to GET of one job, "
            "until it has ended.",
            "properties": {"seconds": _NUMBER, "dollars": _NUMBER},
        },
        "error": _TEXT,
        "results": {
            "type": "array",
            "description": "What its nodes have left behind. Files have the url under which the server gives them. "
            "A sequence of pictures is its first (000001.png) with frugal_count, how many there are: the others are "
            "numbered on.",
            "items": {
                "type": "object",
                "properties": {"node": _TEXT, "title": _TEXT, "class": _TEXT, "data": {"type": "object"}},
            },
        },
        "cost": {
            "type": "object",
            "description": "Its part of what the run has cost; there a moment after the end.",
            "properties": {"seconds": _NUMBER, "gpu_seconds": _NUMBER, "dollars": _NUMBER},
        },
    },
}


def description() -> dict[str, Any]:
    """What ``GET /frugal-motion/openapi.json`` answers."""
    request = Request.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = {**request.pop("$defs", {}), "Request": request, "Job": JOB, "Error": _ERROR}
    one = {"name": "job", "in": "path", "required": True, "schema": _TEXT}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Frugal Motion: jobs", "version": "1"},
        "security": [{}, {"bearer": []}],
        "paths": {
            f"{PREFIX}/jobs": {
                "post": {
                    "summary": "Ask for a job. Clips are uploaded before, with ComfyUI's POST /upload/image.",
                    "requestBody": {"required": True, "content": _json("Request")},
                    "responses": _answers(("202", "Job"), "400", "401", "403", "413", "429", "503"),
                },
                "get": {
                    "summary": "The last jobs.",
                    "parameters": [
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
                        {"name": "client", "in": "query", "schema": _TEXT},
                    ],
                    "responses": {
                        "200": {"description": "OK", "content": _JOBS},
                        **_answers(None, "400", "401", "403", "503"),
                    },
                },
            },
            f"{PREFIX}/jobs/{{job}}": {
                "parameters": [one],
                "get": {"summary": "A job.", "responses": _answers(("200", "Job"), "401", "403", "404", "503")},
                "delete": {
                    "summary": "Cancel a job.",
                    "responses": _answers(("200", "Job"), "401", "403", "404", "409", "503"),
                },
            },
        },
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _answers(good: tuple[str, str] | None, *refusals: str) -> dict[str, Any]:
    answers = {good[0]: {"description": "OK", "content": _json(good[1])}} if good else {}
    return answers | {status: {"description": _MEANINGS[status], "content": _json("Error")} for status in refusals}


_ERROR = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}
_JOBS = {
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}},
        }
    }
}
_MEANINGS = {
    "400": "It cannot be done; says what is wrong, and what is allowed.",
    "401": "The token is missing or wrong.",
    "403": "There is no token, and the request comes from another machine.",
    "404": "No such job.",
    "409": "It has ended already.",
    "413": "The request is too large.",
    "429": "Too many jobs wait.",
    "503": "Another process works on the jobs, or the settings cannot be read.",
}
