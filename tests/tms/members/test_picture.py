"""Uploaded pictures: only pictures, only small ones, and nothing of the file goes on but what one sees."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from tests.tms.members.conftest import Picture
from tms.members import picture as pictures
from tms.members.picture import SIDE, read_picture


def kept(file: Any) -> Image.Image:
    return Image.open(BytesIO(read_picture(file, size=file.size)))


def refusal(file: Any, *, size: int | None = None) -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        read_picture(file, size=file.size if size is None else size)
    return refused.value


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_kept_as_a_square_webp(picture: Picture, kind: str) -> None:
    image = kept(picture(width=1600, height=900, kind=kind))

    assert (image.format, image.size, image.mode) == ("WEBP", (SIDE, SIDE), "RGB")


def test_a_small_picture_is_not_blown_up(picture: Picture) -> None:
    assert kept(picture(width=120, height=80)).size == (80, 80)


def test_the_middle_is_what_is_kept(picture: Picture) -> None:
    written = BytesIO()
    wide = Image.new("RGB", (900, 300), "red")
    wide.paste(Image.new("RGB", (300, 300), "lime"), (300, 0))
    wide.save(written, "PNG")
    written.seek(0)

    red, green, blue = Image.open(BytesIO(read_picture(written, size=1))).getpixel((5, 150))  # type: ignore[misc]

    assert green > 200 > red + blue


def test_a_picture_taken_sideways_stands_upright_and_tells_nothing_else(picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: the top is on the right side of the file
    exif[0x010F] = "Some camera"
    exif[0x8825] = {1: "N", 2: (47.0, 22.0, 0.0)}  # and the place
    written = BytesIO()
    sideways = Image.new("RGB", (300, 300), "blue")
    sideways.paste(Image.new("RGB", (150, 300), "lime"), (0, 0))
    sideways.save(written, "JPEG", exif=exif, quality=95)
    assert b"Some camera" in written.getvalue()
    written.seek(0)

    image = Image.open(BytesIO(data := read_picture(written, size=1)))

    top: Any = image.getpixel((150, 20))
    assert top[1] > 150 > top[2]
    assert not image.getexif()
    assert b"Some camera" not in data and b"Exif" not in data


def test_transparent_parts_become_white(picture: Picture) -> None:
    image = kept(picture(mode="RGBA", color=(200, 0, 0, 0)))

    assert min(image.getpixel((50, 50))) > 245  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "P", "LA", "1", "CMYK"])
def test_pictures_of_other_kinds_of_pixels_are_read(picture: Picture, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"

    assert kept(picture(mode=mode, color=0, kind=kind)).mode == "RGB"


def test_a_file_of_too_many_bytes_is_not_even_opened() -> None:
    assert refusal(BytesIO(b""), size=pictures.MOST_BYTES + 1).code == "too_many_bytes"


def png_of(*, width: int, height: int) -> BytesIO:
    """A file of a few bytes that says it is so large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return BytesIO(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize(("width", "height"), [(5000, 4001), (30_000, 30_000), (2_000_000_000, 1)])
def test_a_bomb_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    assert refusal(png_of(width=width, height=height), size=1).code == "too_many_pixels"


def test_a_photograph_of_a_good_camera_is_read(picture: Picture) -> None:
    assert kept(picture(width=8000, height=6000, kind="JPEG")).size == (SIDE, SIDE)


def test_a_picture_of_a_few_pixels_is_refused(picture: Picture) -> None:
    assert refusal(picture(width=400, height=20)).code == "too_small"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture at all",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"GIF89a" + b"\0" * 40,
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(content: bytes) -> None:
    assert refusal(BytesIO(content), size=len(content)).code == "no_picture"


def test_a_picture_that_breaks_off_is_refused(picture: Picture) -> None:
    whole = picture(width=900, height=900, kind="JPEG").read()

    assert refusal(BytesIO(whole[: len(whole) // 2]), size=1).code == "no_picture"
