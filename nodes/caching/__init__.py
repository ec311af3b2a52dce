"""Results on disk, found again by what made them.

``configured``, ``keeping`` and ``memoize`` tie it to ComfyUI through ``host``; all other files are plain. It imports
``video``, ``motion`` and ``keyframes``, whose values it keeps, but not the stages that make them.
"""
