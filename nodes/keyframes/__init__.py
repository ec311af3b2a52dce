"""Which frames are worth sampling. Plain Python; imports no ComfyUI."""
