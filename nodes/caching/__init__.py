"""Results on disk, found again by what made them.

``configured``, ``encodes``, ``keeping`` and ``memoize`` tie it to ComfyUI through ``host``; all other files are plain.
Of the other rooms it imports ``video``, and in its shell ``economy`` and ``jobs``, but no stage: what a stage wants
kept says so itself (``storable.py``).
"""
