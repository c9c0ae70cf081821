"""The pictures of badges, kept here in a form that can be drawn with and handed out.

A badge names its picture by an address at its provider. Pages of those who are signed in show it from there;
what strangers see, and what is drawn, takes the copy that is fetched here, so that the provider learns of
no visitor and a picture outlives its address. A copy is fetched by the hour, bounded in bytes and pixels,
and written anew as PNG, so that nothing but pixels is passed on. A badge without a copy has its medal.
"""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from datetime import datetime, timedelta
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image

from badges.models import Badge, BadgeArtwork
from providers import http
from providers.base import ProviderError

if TYPE_CHECKING:
    from django.db.models import QuerySet

SIDE = 600
MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SECONDS = 15.0  # for one picture
MOST = 200  # in one run
TASK_SECONDS = 60.0
# A picture may be exchanged at the same address; one that could not be had may be there tomorrow.
AGAIN = timedelta(days=30)
AGAIN_AFTER_PROBLEM = timedelta(days=1)


class Unreadable(Exception):
    """What was fetched is no picture that can be kept; the text says why."""


def keep_copies(*, now: datetime | None = None, seconds: float = math.inf) -> int:
    """Fetch what is due, each alone; how many copies are new. No transaction is open while it is fetched.

    After `seconds` the rest waits for the next time: addresses that do not answer keep no worker for long.
    """
    now, ends_at = now or timezone.now(), monotonic() + seconds
    due = takewhile(lambda badge: monotonic() < ends_at, list(_due(now)[:MOST]))
    return sum(_keep(badge, now=now) for badge in due)


def _due(now: datetime) -> QuerySet[Badge]:
    moved = Q(artwork=None) | ~Q(artwork__address=F("image_url"))
    failed = ~Q(artwork__problem="") & Q(artwork__looked_at__lt=now - AGAIN_AFTER_PROBLEM)
    old = Q(artwork__looked_at__lt=now - AGAIN)
    due = Badge.objects.exclude(image_url="").filter(moved | failed | old)
    return due.only("pk", "image_url").order_by(F("artwork__looked_at").asc(nulls_first=True), "pk")


def _keep(badge: Badge, *, now: datetime) -> bool:
    try:
        content = as_png(http.download(badge.image_url, most_bytes=MOST_BYTES, deadline=SECONDS))
    except (ProviderError, Unreadable) as problem:
        _note(badge, problem=str(problem), now=now)
        return False
    digest = hashlib.sha256(content).hexdigest()
    known = BadgeArtwork.objects.filter(badge=badge, digest=digest).exists()
    BadgeArtwork.objects.update_or_create(
        badge=badge,
        defaults={
            "address": badge.image_url,
            "content": content,
            "digest": digest,
            "problem": "",
            "looked_at": now,
        },
    )
    return not known


def _note(badge: Badge, *, problem: str, now: datetime) -> None:
    """What was there before stays as long as the address is the same."""
    found = {"problem": problem, "looked_at": now}
    if BadgeArtwork.objects.filter(badge=badge, address=badge.image_url).update(**found):
        return
    gone = {"address": badge.image_url, "content": b"", "digest": ""}
    BadgeArtwork.objects.update_or_create(badge=badge, defaults={**found, **gone})


def as_png(content: bytes) -> bytes:
    """Its pixels, in a square that they need not fill. Raises Unreadable."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if picture.width * picture.height > MOST_PIXELS:
                raise Unreadable(_("The picture is too large."))
            pixels = picture.convert("RGBA")
    except Unreadable:
        raise
    except Exception as error:  # whatever a decoder stumbles over
        raise Unreadable(_("This is no picture in PNG, JPEG, WebP or GIF.")) from error
    pixels.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(pixels, ((SIDE - pixels.width) // 2, (SIDE - pixels.height) // 2))
    file = io.BytesIO()
    square.save(file, "PNG")
    return file.getvalue()
