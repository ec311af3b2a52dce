"""JSON that every reader takes: it has no NaN and no infinity, though Python writes them."""

from __future__ import annotations

import json
from typing import Any


def strict(value: Any, **options: Any) -> Any:
    """The value itself, or where it holds a float that JSON has no number for, a copy with ``None`` in its place.

    Args:
        options: of ``json.dumps``.

    Raises:
        TypeError: it holds what is no JSON at all.
    """
    try:
        json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.loads(json.dumps(value, **options), parse_constant=lambda _: None)
    return value


def to_json(value: Any, **options: Any) -> str:
    """``json.dumps``, with ``null`` for a float that JSON has no number for.

    Args:
        options: of ``json.dumps``.

    Raises:
        TypeError: it holds what is no JSON at all.
    """
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(strict(value, **options), allow_nan=False, **options)
