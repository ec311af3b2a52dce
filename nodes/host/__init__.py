"""The only door to ComfyUI's runtime: execution, progress, interrupt, folders, model management."""
