"""The routes of jobs, of their inputs and of the fleet, as OpenAPI 3.1 describes them."""

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
        "held": {**_TEXT, "description": "Why no job runs now, such as a fleet that does not answer; else empty."},
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
        "worker": {**_TEXT, "description": "Of a fleet, on which it runs or ran last."},
        "troubles": {
            "type": "array",
            "description": "What it has met on workers of a fleet, which was not its own doing as far as is known.",
            "items": {
                "type": "object",
                "properties": {
                    "worker": _TEXT,
                    "kind": {"enum": ["lacks", "broken", "killed"]},
                    "why": _TEXT,
                    "alone": {"type": "boolean"},
                },
            },
        },
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

_SPENDING: dict[str, Any] = {
    "clips": {"type": "integer"},
    "dollars": _NUMBER,
    "dollars_per_clip": _MAYBE_NUMBER,
    "busy_seconds": {**_NUMBER, "description": "With batches whose results came, or which run."},
    "idle_seconds": {**_NUMBER, "description": "With nothing."},
    "cold_seconds": {**_NUMBER, "description": "From a start until a worker was ready."},
    "lost_seconds": {**_NUMBER, "description": "With batches whose results never came, by the fault of a machine."},
}
FLEET: dict[str, Any] = {
    "type": "object",
    "required": ["address"],
    "properties": {
        "address": {**_TEXT, "description": "Of the cluster. Empty, and all there is, where jobs run on this machine."},
        "up": {"type": "boolean"},
        "why": {**_TEXT, "description": "Why it is not up."},
        "starting": {"type": "integer", "description": "Workers that are not ready yet."},
        "queued": {"type": "integer", "description": "Jobs."},
        "running": {"type": "integer", "description": "Jobs."},
        "workers": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "worker": _TEXT,
                    "node": {**_TEXT, "description": "The machine."},
                    "pack": _TEXT,
                    "comfyui": _TEXT,
                    "card": _TEXT,
                    "price": {**_NUMBER, "description": "Dollars per hour."},
                    "memory": {"type": "integer", "description": "Bytes."},
                    "free_memory": {"type": "integer"},
                    "models": {"type": "integer", "description": "Files with weights in its folders."},
                    "loaded": {"type": "array", "items": _TEXT, "description": "Of these, in memory."},
                    "cold_seconds": {**_NUMBER, "description": "From its start until it was ready."},
                    "comfyui_seconds": {**_NUMBER, "description": "Of these, what ComfyUI took."},
                    "up_seconds": {**_NUMBER, "description": "Since then, by its own clock."},
                    "state": {"enum": ["idle", "busy", "draining", "unusable"]},
                    "reason": {**_TEXT, "description": "Why it is given nothing more."},
                    "jobs": {"type": "integer", "description": "That run on it."},
                },
            },
        },
        "dollars_per_hour": {**_NUMBER, "description": "Of the workers that live."},
        "today": {
            "type": "object",
            "description": "Since midnight in the gateway's time zone. The seconds are all that were paid.",
            "properties": {
                **_SPENDING,
                "cards": {"type": "object", "additionalProperties": {"type": "object", "properties": _SPENDING}},
            },
        },
        "quarantined": {"type": "array", "items": _TEXT, "description": "Jobs that have killed three workers."},
    },
}


def description() -> dict[str, Any]:
    """What ``GET /frugal-motion/openapi.json`` answers."""
    request = Request.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = {
        **request.pop("$defs", {}),
        "Request": request,
        "Job": JOB,
        "Input": _INPUT,
        "Fleet": FLEET,
        "Error": _ERROR,
    }
    one = {"name": "job", "in": "path", "required": True, "schema": _TEXT}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Frugal Motion: jobs", "version": "1"},
        "security": [{}, {"bearer": []}],
        "paths": {
            f"{PREFIX}/jobs": {
                "post": {
                    "summary": "Ask for a job. Clips come before, by PUT of inputs or ComfyUI's POST /upload/image.",
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
            f"{PREFIX}/inputs/{{name}}": {
                "parameters": [{"name": "name", "in": "path", "required": True, "schema": _INPUT_NAME}],
                "put": {
                    "summary": "Send a file to ComfyUI's input folder, so that values can name it; 201 if it is new.",
                    "requestBody": {"required": True, "content": {"application/octet-stream": {}}},
                    "responses": {
                        **_answers(("201", "Input"), "400", "401", "403", "413", "415", "503"),
                        **_answers(("200", "Input")),
                    },
                },
                "get": {
                    "summary": "Whether a file is there already; HEAD says it without words.",
                    "responses": _answers(("200", "Input"), "400", "401", "403", "404", "415", "503"),
                },
            },
            f"{PREFIX}/fleet": {
                "get": {
                    "summary": "The machines that jobs run on, and what they cost.",
                    "responses": _answers(("200", "Fleet"), "401", "403", "503"),
                }
            },
        },
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _answers(good: tuple[str, str] | None, *refusals: str) -> dict[str, Any]:
    answers = {good[0]: {"description": "OK", "content": _json(good[1])}} if good else {}
    return answers | {status: {"description": _MEANINGS[status], "content": _json("Error")} for status in refusals}


_INPUT_NAME = {
    "type": "string",
    "pattern": r"^[0-9a-f]{64}\.[a-z0-9]+$",
    "description": "The SHA-256 of the file, and its ending in small letters.",
}
_INPUT = {
    "type": "object",
    "required": ["name", "bytes"],
    "properties": {"name": {**_TEXT, "description": "As values name it."}, "bytes": {"type": "integer"}},
}
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
    "404": "No such job or input.",
    "409": "It has ended already.",
    "413": "The request is too large.",
    "415": "Nodes load no files of that ending.",
    "429": "Too many jobs wait.",
    "503": "Another process works on the jobs, or the settings cannot be read.",
}
