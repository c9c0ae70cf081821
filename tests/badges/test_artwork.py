"""Copies of the pictures of badges: what is kept, when it is looked for again, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import responses
from django.utils import timezone
from PIL import Image

from badges import artwork
from badges.models import Badge, BadgeArtwork
from badges.sharing.pictures import Picture, badge_png, card_png
from tests.factories import BadgeFactory

pytestmark = pytest.mark.django_db
ADDRESS = "https://images.provider.example/badge.png"


@pytest.fixture
def badge() -> Badge:
    return BadgeFactory(image_url=ADDRESS)


def picture(size: tuple[int, int] = (300, 200), kind: str = "PNG", color: Any = (200, 30, 30)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def answer(body: bytes | str = b"", *, status: int = 200, address: str = ADDRESS) -> None:
    responses.get(address, body=body, status=status)


def kept(badge: Badge) -> BadgeArtwork:
    return BadgeArtwork.objects.get(badge=badge)


@responses.activate
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_kept_as_a_square_of_pixels(badge, kind):
    answer(picture(kind=kind))

    assert artwork.keep_copies() == 1

    copy = kept(badge)
    assert (copy.address, copy.problem) == (ADDRESS, "")
    with Image.open(BytesIO(copy.content)) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (600, 600), "RGBA")
        assert image.getpixel((300, 300))[0] > 150
        assert image.getpixel((300, 5))[3] == 0


@responses.activate
def test_nothing_but_pixels_is_passed_on(badge):
    file = BytesIO()
    image = Image.new("RGB", (10, 10))
    image.save(file, "JPEG", comment=b"secret", exif=b"Exif\x00\x00secret")
    answer(file.getvalue())

    artwork.keep_copies()

    assert b"secret" not in bytes(kept(badge).content)


@responses.activate
def test_it_is_asked_for_in_nobodys_name(badge):
    answer(picture())
    artwork.keep_copies()

    [call] = responses.calls
    assert "Authorization" not in call.request.headers
    assert "Cookie" not in call.request.headers


@responses.activate
def test_what_is_kept_is_not_asked_for_again_until_it_may_have_changed(badge):
    answer(picture())
    now = timezone.now()
    assert artwork.keep_copies(now=now) == 1
    assert artwork.keep_copies(now=now + timedelta(days=29)) == 0
    assert len(responses.calls) == 1
    first = kept(badge).digest

    responses.remove(responses.GET, ADDRESS)
    answer(picture(color=(0, 0, 200)))
    assert artwork.keep_copies(now=now + timedelta(days=31)) == 1
    assert kept(badge).digest != first


@responses.activate
def test_another_address_is_another_picture_at_once(badge):
    answer(picture())
    artwork.keep_copies()
    badge.image_url = "https://images.provider.example/other.png"
    badge.save()
    answer(status=404, address=badge.image_url)

    assert artwork.keep_copies() == 0

    copy = kept(badge)
    assert (bytes(copy.content), copy.digest, copy.address) == (b"", "", badge.image_url)
    assert "404" in copy.problem


@responses.activate
def test_a_provider_that_is_away_takes_no_picture_from_us(badge):
    answer(picture())
    now = timezone.now()
    artwork.keep_copies(now=now)
    before = kept(badge)
    responses.remove(responses.GET, ADDRESS)
    answer(status=503)

    artwork.keep_copies(now=now + timedelta(days=31))
    after = kept(badge)
    assert (after.digest, bytes(after.content)) == (before.digest, bytes(before.content))
    assert after.problem

    responses.remove(responses.GET, ADDRESS)
    answer(picture())
    artwork.keep_copies(now=now + timedelta(days=32, hours=1))
    assert kept(badge).problem == ""


@responses.activate
@pytest.mark.parametrize(
    "body",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\nbroken", b"BM" + b"\0" * 100],
)
def test_what_is_no_picture_is_not_kept_and_says_so(badge, body):
    answer(body)

    assert artwork.keep_copies() == 0
    assert kept(badge).problem == "This is no picture in PNG, JPEG, WebP or GIF."
    assert bytes(kept(badge).content) == b""


@responses.activate
def test_what_is_too_large_is_not_unpacked(badge, monkeypatch):
    answer(picture(size=(200, 200)))
    monkeypatch.setattr(artwork, "MOST_PIXELS", 100)
    artwork.keep_copies()
    assert kept(badge).problem == "The picture is too large."

    monkeypatch.setattr(artwork, "MOST_BYTES", 10)
    artwork.keep_copies(now=timezone.now() + timedelta(days=2))
    assert "too large" in kept(badge).problem


@pytest.mark.parametrize(
    "address",
    [
        "http://images.provider.example/1.png",
        "https://127.0.0.1/1.png",
        "https://localhost/1.png",
        "ftp://x.example/1.png",
    ],
)
def test_addresses_within_the_house_are_never_called(badge, address):
    Badge.objects.update(image_url=address)

    assert artwork.keep_copies() == 0
    assert kept(badge).problem
    assert bytes(kept(badge).content) == b""


@responses.activate
def test_one_that_cannot_be_had_stops_no_other(badge):
    other = BadgeFactory(image_url="https://images.provider.example/2.png")
    answer(status=500)
    answer(picture(), address=other.image_url)

    assert artwork.keep_copies() == 1
    assert kept(other).digest


@responses.activate
def test_a_copy_takes_the_place_of_the_medal(badge):
    answer(picture(size=(600, 600)))
    artwork.keep_copies()
    with_art = Picture(number=badge.pk, name=badge.name, art=kept(badge).digest)
    without = Picture(number=badge.pk, name=badge.name)

    assert with_art.tag != without.tag
    assert card_png(with_art) != card_png(without)
    with Image.open(BytesIO(badge_png(with_art))) as image:
        assert image.getpixel((5, 5)) == (200, 30, 30, 255)


def test_badges_without_an_address_are_left_alone():
    BadgeFactory()

    assert artwork.keep_copies() == 0
    assert not BadgeArtwork.objects.exists()


@responses.activate
def test_addresses_that_do_not_answer_keep_no_worker_for_long(badge):
    answer(picture())
    assert artwork.keep_copies(seconds=0) == 0
    assert len(responses.calls) == 0
    assert artwork.keep_copies(seconds=60) == 1
