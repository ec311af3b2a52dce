"""Larger frames (spandrel's super-resolution models).

Beside its shell it imports ``video`` and ``interpolation``, and no ComfyUI.
"""
