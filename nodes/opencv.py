"""OpenCV, imported by whoever first uses it: without it the pack loads all the same, and says how to get it.

No requirement names it, as pip would lay a second ``cv2`` over another package's. Modules write
``from ..opencv import cv2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .installing import install_command

__all__ = ["OpenCV", "cv2"]


class OpenCV:
    """Has what ``cv2`` has.

    Raises:
        ImportError: OpenCV, or a system library it needs, is not installed.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            import cv2
        except ImportError as error:
            raise ImportError(
                f"This needs OpenCV, which cannot be imported ({error}). Install it into ComfyUI's Python: "
                f"{install_command()}. If libGL.so.1 is missing, on Debian and Ubuntu: apt-get install libgl1"
            ) from error
        return getattr(cv2, name)


if TYPE_CHECKING:
    import cv2
else:
    cv2 = OpenCV()
