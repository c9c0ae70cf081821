"""Pictures of people: read from what somebody uploaded, made small and square, kept as a row.

What arrives is hostile until it has been decoded. It is told from its content, never from its name; nothing
is decoded that is larger than it may be; and what is kept is drawn anew, so that neither the place where a
picture was taken nor anything else that hid in the file goes on.
"""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

MEGABYTE = 1024 * 1024
MOST_BYTES = 10 * MEGABYTE
MOST_PIXELS = 20_000_000
MOST_PIXELS_OF_PHOTO = 50_000_000  # a JPEG is decoded at a fraction of its size
LEAST_SIDE = 48
SIDE = 512
QUALITY = 82
CONTENT_TYPE = "image/webp"
FORMATS = ("JPEG", "PNG", "WEBP")


def read_picture(file: BinaryIO, *, size: int) -> bytes:
    """The square picture to keep, or a ValidationError in words. `size` is the number of bytes of `file`."""
    if size > MOST_BYTES:
        raise ValidationError(
            _("The file is larger than %(most)d MB. Choose a smaller picture.")
            % {"most": MOST_BYTES // MEGABYTE},
            code="too_many_bytes",
        )
    try:
        return _redrawn(file)
    except ValidationError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(MOST_PIXELS) from error
    except Exception as error:  # a decoder may stumble over anything that is no picture
        raise ValidationError(
            _("This file is not a picture that can be read. Choose a JPEG, PNG or WebP file."),
            code="no_picture",
        ) from error


def _redrawn(file: BinaryIO) -> bytes:
    with Image.open(file, formats=FORMATS) as image:
        # Known before anything is decoded.
        width, height = image.size
        most = MOST_PIXELS_OF_PHOTO if image.format == "JPEG" else MOST_PIXELS
        if width * height > most:
            raise _too_large(most)
        if min(width, height) < LEAST_SIDE:
            raise ValidationError(
                _("The picture is too small: at least %(least)d pixels wide and high.")
                % {"least": LEAST_SIDE},
                code="too_small",
            )
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        upright = ImageOps.exif_transpose(image)
        flat = _on_white(upright)
    side = min(SIDE, *flat.size)
    square = ImageOps.fit(flat, (side, side), Image.Resampling.LANCZOS)
    return _written(square)


def _on_white(image: Image.Image) -> Image.Image:
    """Transparent pixels hide colors that nobody meant to show."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    ground = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(ground, seen).convert("RGB")


def _written(square: Image.Image) -> bytes:
    clean = Image.new("RGB", square.size)
    clean.paste(square)
    written = BytesIO()
    clean.save(written, "WEBP", quality=QUALITY, method=6)
    return written.getvalue()


def _too_large(most: int) -> ValidationError:
    return ValidationError(
        _("The picture has more than %(most)d million pixels. Choose a smaller one.")
        % {"most": most // 1_000_000},
        code="too_many_pixels",
    )
