"""Words on drawn pictures: in a font that has their letters, in as many lines as fit, or not at all.

A picture never shows the boxes that stand for letters a font lacks. The fonts are those of the machine
(docs/operating.md names what to install for which script); Pillow's own, which knows little but English,
comes last. Joined and right-to-left scripts are shaped where Pillow was built to do so, as its wheels are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

from PIL import ImageFont
from PIL.features import check

BOLD, REGULAR = "Bold", "Regular"
_FAMILIES = (
    "NotoSans",
    "DejaVuSans",
    "NotoSansArabic",
    "NotoSansHebrew",
    "NotoSansDevanagari",
    "NotoSansBengali",
    "NotoSansTamil",
    "NotoSansThai",
    "NotoSansGeorgian",
    "NotoSansArmenian",
    "NotoSansCJK",
    "LiberationSans",
    "Arial",
)
# Where a family's files are not called Family-Weight.ttf.
_FILES = {
    ("DejaVuSans", REGULAR): ("DejaVuSans.ttf",),
    ("NotoSansCJK", BOLD): ("NotoSansCJK-Bold.ttc",),
    ("NotoSansCJK", REGULAR): ("NotoSansCJK-Regular.ttc",),
    ("Arial", BOLD): ("Arial Bold.ttf", "arialbd.ttf"),
    ("Arial", REGULAR): ("Arial.ttf", "arial.ttf"),
}
_SHAPED = check("raqm")
# Scripts whose letters change beside each other: unshaped, they are spelled wrong.
_NEEDS_SHAPING = ("ARABIC", "HEBREW", "SYRIAC", "DEVANAGARI", "BENGALI", "TAMIL", "THAI", "KHMER", "MYANMAR")
_NO_LETTERS = {"So", "Cc", "Cf", "Cs", "Co", "Cn"}
_ELLIPSIS = "…"

Face = ImageFont.FreeTypeFont


def cleaned(text: str) -> str:
    """Without what is no letter of any text font: pictures, and marks that only steer other letters."""
    kept = (letter for letter in text if letter not in "\ufe0e\ufe0f" and not _is_no_letter(letter))
    return " ".join("".join(kept).split())


def _is_no_letter(letter: str) -> bool:
    return letter != "\u200c" and unicodedata.category(letter) in _NO_LETTERS


def face_for(text: str, weight: str, *, size: int) -> Face | None:
    """The first font that has every letter of `text`; None if there is none."""
    letters = frozenset(text) - {" "}
    if not letters or (not _SHAPED and any(_is_shaped(letter) for letter in letters)):
        return None
    for family in (*_FAMILIES, ""):
        if _face(family, weight, size) and all(_has(family, weight, letter) for letter in letters):
            return _face(family, weight, size)
    return None


def is_right_to_left(text: str) -> bool:
    """As its first letter with a direction says."""
    directions = (unicodedata.bidirectional(letter) for letter in text)
    return next((each != "L" for each in directions if each in {"L", "R", "AL"}), False)


def lines_of(text: str, *, face: Face, width: float, most: int) -> list[str] | None:
    """`text` in lines of at most `width`; None where `most` lines are too few."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and face.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines += _broken(word, face=face, width=width)
        if len(lines) > most:
            return None
    return lines


def fitted(
    text: str, weight: str, *, sizes: Sequence[int], width: float, most: int
) -> tuple[Face, list[str]] | None:
    """In the largest of `sizes` that fits, or cut in the smallest; None where no font has its letters."""
    for size in sizes:
        face = face_for(text, weight, size=size)
        if face is None:
            return None
        if (lines := lines_of(text, face=face, width=width, most=most)) is not None:
            return face, lines
    if dotted := face_for(text + _ELLIPSIS, weight, size=sizes[-1]):
        return dotted, _cut(text, ending=_ELLIPSIS, face=dotted, width=width, most=most)
    plain = face_for(text, weight, size=sizes[-1])
    return (plain, _cut(text, ending="", face=plain, width=width, most=most)) if plain else None


def _cut(text: str, *, ending: str, face: Face, width: float, most: int) -> list[str]:
    """As much of the beginning as fits, found by halving."""
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        shorter = text[:middle].rstrip() + ending
        if lines_of(shorter, face=face, width=width, most=most) is None:
            too_long = middle
        else:
            fits = middle
    return lines_of(text[:fits].rstrip() + ending, face=face, width=width, most=most) or []


def _broken(word: str, *, face: Face, width: float) -> list[str]:
    """A word that is longer than a line, as one of a language without spaces may be, in parts."""
    if face.getlength(word) <= width:
        return [word]
    parts = [""]
    for letter in word:
        is_joined = unicodedata.combining(letter) != 0
        if parts[-1] and not is_joined and face.getlength(parts[-1] + letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts


def _is_shaped(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_NEEDS_SHAPING)


@lru_cache(maxsize=256)
def _face(family: str, weight: str, size: int) -> Face | None:
    if not family:
        own = ImageFont.load_default(size)
        return own if isinstance(own, Face) else None
    path = _path(family, weight)
    return ImageFont.truetype(path, size) if path else None


@cache
def _path(family: str, weight: str) -> str:
    """Where the file lies. Pillow looks through the machine's folders, which takes a while."""
    for name in _FILES.get((family, weight), (f"{family}-{weight}.ttf",)):
        try:
            return str(ImageFont.truetype(name, 10).path)
        except OSError:
            continue
    return ""


@lru_cache(maxsize=20_000)
def _has(family: str, weight: str, letter: str) -> bool:
    """Whether the font draws it as something else than what it draws for what no font has."""
    face = _face(family, weight, 32)
    return face is not None and _drawn(face, letter) != _drawn(face, "\U0010fffe")


def _drawn(face: Face, letter: str) -> tuple[tuple[int, int], bytes, float]:
    mask = face.getmask(letter)
    return mask.size, bytes(mask), face.getlength(letter)
