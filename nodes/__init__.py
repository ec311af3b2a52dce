"""Frugal Motion: one folder per stage of the pipeline, found by ``stages.py``.

In each, ``node.py`` (or ``node/``, one file per node) is the shell that ComfyUI sees; what the stage does stands beside
it. Which folder may import which is written down in ``pyproject.toml`` under ``[tool.importlinter]``.
"""
