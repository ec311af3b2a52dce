"""Which frames are worth sampling.

Beside its shell it imports ``video`` and ``motion``, and no ComfyUI.
"""
