"""Pictures of a published badge, drawn here: the badge itself, and the card that stands for a shared link.

They hold no words but names, so that one picture does for readers of every language. The same facts always
make the same picture, by whose name (`Picture.tag`) browsers and proxies know that they have it already; the
last few are kept, since who fetches a shared link fetches it often. Nothing is fetched from anywhere: the
badge is its picture where there is a copy (badges.artwork), else the medal that pages show for one without.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import astuple, dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter
from PIL import __version__ as pillow_version

from badges.models import BadgeArtwork
from badges.sharing.lettering import BOLD, REGULAR, Face, cleaned, fitted, is_right_to_left
from badges.sharing.medal import medal

CARD = (1200, 630)  # what the networks ask for
BADGE_SIDE = 600
# Raised when something is drawn in another way.
DRAWING = 1
KEPT = 64

_NIGHT, _TEAL, _AMBER = (10, 52, 64), (86, 191, 212), (255, 212, 112)
_WORDS, _GOLD, _QUIET = (242, 250, 251), (255, 212, 112), (181, 211, 218)
_MEDAL_SIDE, _EDGE, _GAP = 380, 84, 64
_LENGTH = 200  # of any name, in letters: what is drawn is bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn: the badge of this id and name, with the copy of its picture that has the digest `art`.

    `earner` and `issuer` are left out of the badge alone.
    """

    number: int
    name: str
    art: str = ""
    earner: str = ""
    issuer: str = ""

    @property
    def tag(self) -> str:
        facts = repr((DRAWING, pillow_version, astuple(self)))
        return hashlib.sha256(facts.encode()).hexdigest()[:32]


@lru_cache(maxsize=KEPT)
def badge_png(picture: Picture) -> bytes:
    return _png(_badge(picture, side=BADGE_SIDE))


@lru_cache(maxsize=KEPT)
def card_png(picture: Picture) -> bytes:
    """Medal on one side; name, earner and issuer on the other, mirrored for names that run from the right."""
    name, earner, issuer = (
        cleaned(text[:_LENGTH]) for text in (picture.name, picture.earner, picture.issuer)
    )
    mirrored = is_right_to_left(name or earner)
    card = _background(mirrored=mirrored)
    width = CARD[0] - _MEDAL_SIDE - 2 * _EDGE - _GAP
    blocks = [
        _Block.of(name, BOLD, sizes=(76, 68, 60, 52, 46, 40, 36), width=width, most=4, color=_WORDS, above=0),
        _Block.of(earner, REGULAR, sizes=(44, 40, 36, 32), width=width, most=2, color=_GOLD, above=34),
        _Block.of(issuer, REGULAR, sizes=(32, 28, 25), width=width, most=2, color=_QUIET, above=16),
    ]
    written = [block for block in blocks if block]
    medal_left = (CARD[0] - _MEDAL_SIDE) // 2
    if written:
        medal_left = CARD[0] - _EDGE - _MEDAL_SIDE if mirrored else _EDGE
    drawn = _badge(picture, side=_MEDAL_SIDE)
    _place(card, drawn, left=medal_left, top=(CARD[1] - _MEDAL_SIDE) // 2)
    pen = ImageDraw.Draw(card)
    top = (CARD[1] - sum(block.height for block in written) + (written[0].above if written else 0)) / 2
    x = CARD[0] - _EDGE - _MEDAL_SIDE - _GAP if mirrored else _EDGE + _MEDAL_SIDE + _GAP
    for block in written:
        top = block.write(pen, x=x, top=top, mirrored=mirrored)
    return _png(card)


def _badge(picture: Picture, *, side: int) -> Image.Image:
    copies = BadgeArtwork.objects.filter(badge=picture.number, digest=picture.art)
    content = copies.values_list("content", flat=True).first() if picture.art else None
    if not content:
        return medal(picture.name[:_LENGTH], number=picture.number, side=side)
    with Image.open(io.BytesIO(content)) as copy:
        return copy.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    face: Face
    lines: list[str]
    color: tuple[int, int, int]
    above: float

    @classmethod
    def of(
        cls,
        text: str,
        weight: str,
        *,
        sizes: tuple[int, ...],
        width: float,
        most: int,
        color: tuple[int, int, int],
        above: float,
    ) -> _Block | None:
        """None where there is nothing to write, or nothing to write it with."""
        found = fitted(text, weight, sizes=sizes, width=width, most=most) if text else None
        return found and cls(face=found[0], lines=found[1], color=color, above=above)

    @property
    def height(self) -> float:
        return self.above + len(self.lines) * self._leading

    @property
    def _leading(self) -> float:
        return self.face.size * 1.22

    def write(self, pen: ImageDraw.ImageDraw, *, x: float, top: float, mirrored: bool) -> float:
        """Where the next one begins."""
        top += self.above
        for line in self.lines:
            middle = top + self._leading / 2
            pen.text((x, middle), line, font=self.face, fill=self.color, anchor="rm" if mirrored else "lm")
            top += self._leading
        return top


def _background(*, mirrored: bool) -> Image.Image:
    """Night, with light from above behind the medal and a little gold below the words."""
    card = Image.new("RGB", CARD, _NIGHT)
    for color, center, reach, strength in (
        (_TEAL, (0.23, 0.42), 620, 0.5),
        (_AMBER, (1.02, 1.2), 520, 0.22),
        (_TEAL, (0.95, -0.2), 420, 0.25),
    ):
        across = 1 - center[0] if mirrored else center[0]
        _glow(card, color=color, at=(across * CARD[0], center[1] * CARD[1]), reach=reach, strength=strength)
    return card


def _glow(
    card: Image.Image, *, color: tuple[int, int, int], at: tuple[float, float], reach: int, strength: float
) -> None:
    light = ImageChops.invert(Image.radial_gradient("L")).resize((2 * reach, 2 * reach))
    light = light.point(lambda value: round(max(value - 74, 0) / 181 * 255 * strength))
    card.paste(Image.new("RGB", light.size, color), (round(at[0] - reach), round(at[1] - reach)), light)


def _place(card: Image.Image, drawn: Image.Image, *, left: int, top: int) -> None:
    """With a soft shadow below it."""
    shade = Image.new("L", card.size)
    shade.paste(drawn.getchannel("A").point(lambda value: value * 2 // 5), (left, top + 18))
    card.paste((2, 20, 26), mask=shade.filter(ImageFilter.GaussianBlur(18)))
    card.paste(drawn, (left, top), drawn)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False)
    return file.getvalue()
