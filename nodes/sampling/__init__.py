"""Keyframed ControlNet and the sampler that spends GPU on keyframes only. Extends ComfyUI's own sampler."""
