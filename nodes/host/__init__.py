"""The only door to ComfyUI: nodes, queue, prompt, progress, previews, folders, settings, management of models.

Of the other rooms it imports ``metering``, ``models`` and ``video`` alone, so that all may use it. Shells do; of the
files beside them those that the contract in ``pyproject.toml`` names.
"""
