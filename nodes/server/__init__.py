"""What the pack tells and does over HTTP, under ``/frugal-motion``, for the editor's panel and for scripts."""
