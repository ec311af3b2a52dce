"""People cut out of their place, and put back into it.

Beside its shells it imports ``video``, ``motion`` and ``masks``, and no ComfyUI.
"""
