"""Where people are, pixel by pixel, through a clip.

Beside its shells it imports ``video`` and ``motion``, and no ComfyUI.
"""
