"""The demo model: a tiny Stable Diffusion 1.5 and its openpose ControlNet, trained on pictures that we draw.

``python -m training --comfyui PATH`` makes it from nothing; ``training/README.md`` tells how and why.
"""
