"""Pictures to upload."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

Picture = Callable[..., SimpleUploadedFile]


def drawn(
    *,
    width: int = 300,
    height: int = 200,
    color: Any = "#0b6377",
    kind: str = "PNG",
    mode: str = "RGB",
    **more: Any,
) -> SimpleUploadedFile:
    """`more` goes into the file, as `exif` does."""
    written = BytesIO()
    Image.new(mode, (width, height), color).save(written, kind, **more)
    return SimpleUploadedFile(f"me.{kind.lower()}", written.getvalue(), content_type=f"image/{kind.lower()}")


@pytest.fixture
def picture() -> Picture:
    return drawn
