"""What an edit costs. Plain Python; imports no ComfyUI."""
