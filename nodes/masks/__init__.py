"""Where people are, pixel by pixel, through a clip.

It imports ``video``, and no ComfyUI.
"""
