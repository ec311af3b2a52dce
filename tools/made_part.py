"""The part of a page that a target of make writes, between two comments."""

from __future__ import annotations


def replaced(page: str, target: str, text: str) -> str:
    """The page with another made part.

    Args:
        page: Markdown.
        target: of make, which the comments name.
        text: between them.

    Raises:
        ValueError: a comment is missing.
    """
    begin, end = f"<!-- made by make {target} -->\n", f"<!-- end of make {target} -->\n"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no {begin.strip()} or no {end.strip()}")
    return f"{before}{begin}\n{text.strip()}\n\n{end}{after}"
