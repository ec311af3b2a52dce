"""What the pack tells and does over HTTP, under ``/frugal-motion``, for the editor's panel and for scripts.

It stands above the rooms that it speaks for, and may import any; none imports it.
"""
