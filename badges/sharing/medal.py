"""The medal of a badge without a picture of its own, drawn as pixels for where no page can draw it.

The same ten hues and three shapes as on pages (templates/_medal.html, the classes hue-… of parts.css).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from badges.sharing.lettering import BOLD, cleaned, face_for

Point = tuple[float, float]
Color = tuple[int, int, int]

SIDE = 96  # of the square that the shapes below are given in
FINER = 3  # drawn larger and made smaller, so that edges are smooth
HUES = (215, 70, 25, 300, 155, 255, 350, 190, 45, 278)

HEXAGON: Sequence[tuple[str, Sequence[Point]]] = (
    ("1", [(48, 8), (82.6, 28), (82.6, 68), (48, 88), (13.4, 68), (13.4, 28)]),
    ("3", [(48, 8), (82.6, 28), (71.4, 34.5), (48, 21)]),
    ("2", [(82.6, 28), (82.6, 68), (71.4, 61.5), (71.4, 34.5)]),
    ("2", [(13.4, 68), (48, 88), (48, 75), (24.6, 61.5)]),
    ("4", [(13.4, 28), (13.4, 68), (24.6, 61.5), (24.6, 34.5)]),
    ("5", [(13.4, 28), (48, 8), (48, 21), (24.6, 34.5)]),
    ("face", [(48, 21), (71.4, 34.5), (71.4, 61.5), (48, 75), (24.6, 61.5), (24.6, 34.5)]),
)
HEXAGON_LINE = [(48, 25.5), (67.5, 36.75), (67.5, 59.25), (48, 70.5), (28.5, 59.25), (28.5, 36.75)]
RIBBONS: Sequence[tuple[str, Sequence[Point]]] = (
    ("1", [(33, 62), (24, 91), (35, 87), (43, 95), (50, 68)]),
    ("2", [(63, 62), (72, 91), (61, 87), (53, 95), (46, 68)]),
)


def medal(name: str, *, number: int, side: int) -> Image.Image:
    """A transparent square with the medal that pages show for a badge of this id and name."""
    digit = number % 10
    canvas = Image.new("RGBA", (side * FINER, side * FINER))
    pen = _Pen(canvas, hue=HUES[digit])
    if digit % 3 == 0:
        middle = _hexagon(pen)
    elif digit % 3 == 1:
        middle = _rosette(pen)
    else:
        middle = _shield(pen)
    _initials(pen, name, middle=middle)
    return canvas.resize((side, side), Image.Resampling.LANCZOS)


class _Pen:
    """Draws in the measures of SIDE, with the shades of one hue."""

    def __init__(self, canvas: Image.Image, *, hue: float) -> None:
        self.scale = canvas.width / SIDE
        self.draw = ImageDraw.Draw(canvas)
        shades = {
            "1": (0.47, 0.1),
            "2": (0.56, 0.115),
            "3": (0.64, 0.12),
            "4": (0.73, 0.115),
            "5": (0.82, 0.09),
            "face": (0.39, 0.085),
            "line": (0.86, 0.075),
            "text": (0.96, 0.03),
        }
        self.colors = {name: _rgb(light, chroma, hue) for name, (light, chroma) in shades.items()}

    def fill(self, shade: str, points: Iterable[Point]) -> None:
        self.draw.polygon(self._scaled(points), fill=self.colors[shade])

    def stroke(self, shade: str, points: Iterable[Point], *, width: float) -> None:
        scaled = self._scaled(points)
        half = width * self.scale / 2
        self.draw.line([*scaled, scaled[0]], fill=self.colors[shade], width=round(2 * half), joint="curve")
        x, y = scaled[0]
        self.draw.ellipse((x - half, y - half, x + half, y + half), fill=self.colors[shade])

    def disc(self, shade: str, center: Point, radius: float) -> None:
        self.draw.ellipse(self._around(center, radius), fill=self.colors[shade])

    def ring(self, shade: str, center: Point, radius: float, *, width: float) -> None:
        outer = self._around(center, radius + width / 2)
        self.draw.ellipse(outer, outline=self.colors[shade], width=round(width * self.scale))

    def _scaled(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self.scale, y * self.scale) for x, y in points]

    def _around(self, center: Point, radius: float) -> tuple[float, float, float, float]:
        (left, top), (right, bottom) = self._scaled(
            [(center[0] - radius, center[1] - radius), (center[0] + radius, center[1] + radius)]
        )
        return left, top, right, bottom


def _hexagon(pen: _Pen) -> Point:
    pen.stroke("3", HEXAGON[0][1], width=6)
    for shade, points in HEXAGON:
        pen.fill(shade, points)
    pen.stroke("line", HEXAGON_LINE, width=1.5)
    return 48, 48.5


def _rosette(pen: _Pen) -> Point:
    for shade, points in RIBBONS:
        pen.fill(shade, points)
    for shade, turned in (("3", 30), ("3", 60), ("4", 0)):
        pen.fill(shade, _rounded_square(center=(48, 40), side=56, radius=12, turned=turned))
    pen.disc("face", (48, 40), 26)
    pen.ring("line", (48, 40), 22.5, width=1.5)
    return 48, 40.5


def _shield(pen: _Pen) -> Point:
    outer = _shield_outline(top=7, left=14, shoulder=17, waist=45, foot=89, bulge=10)
    pen.stroke("4", outer, width=6)
    pen.fill("4", outer)
    pen.fill("2", [(48, 7), *(point for point in outer if point[0] >= 48), (48, 89)])
    pen.fill("face", _shield_outline(top=17, left=22.5, shoulder=25.5, waist=45, foot=79.5, bulge=7.5))
    line = _shield_outline(top=21.5, left=26, shoulder=29, waist=45, foot=75.3, bulge=6.5)
    pen.stroke("line", line, width=1.5)
    return 48, 48.5


def _shield_outline(
    *, top: float, left: float, shoulder: float, waist: float, foot: float, bulge: float
) -> list[Point]:
    """From the top clockwise: a shoulder, the side down to the waist, and in a curve to the foot."""
    wide = 48 - left
    right_half = [
        *_curve(
            (48, top), (48 + bulge, top + 0.7 * bulge), (48 + wide * 0.65, shoulder), (48 + wide, shoulder)
        ),
        *_curve(
            (48 + wide, waist),
            (48 + wide, waist + (foot - waist) * 0.45),
            (48 + wide * 0.59, waist + (foot - waist) * 0.77),
            (48, foot),
        ),
    ]
    return [*right_half, *((96 - x, y) for x, y in reversed(right_half[:-1]))]


def _curve(start: Point, first: Point, second: Point, end: Point, *, steps: int = 24) -> list[Point]:
    """Points of a cubic curve."""

    def at(t: float, axis: int) -> float:
        u = 1 - t
        return (
            u**3 * start[axis] + 3 * u * u * t * first[axis] + 3 * u * t * t * second[axis] + t**3 * end[axis]
        )

    return [(at(step / steps, 0), at(step / steps, 1)) for step in range(steps + 1)]


def _rounded_square(*, center: Point, side: float, radius: float, turned: float) -> list[Point]:
    inner = side / 2 - radius
    points = []
    for quarter, (x, y) in enumerate(((inner, -inner), (inner, inner), (-inner, inner), (-inner, -inner))):
        for step in range(9):
            angle = math.radians(90 * (quarter - 1) + step * 90 / 8)
            points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    turn = math.radians(turned)
    return [
        (
            center[0] + x * math.cos(turn) - y * math.sin(turn),
            center[1] + x * math.sin(turn) + y * math.cos(turn),
        )
        for x, y in points
    ]


def _initials(pen: _Pen, name: str, *, middle: Point) -> None:
    """A star where no font has the letters."""
    letters = "".join(word[0] for word in cleaned(name).split()[:2]).upper()
    face = face_for(letters, BOLD, size=round(21 * pen.scale)) if letters else None
    if face is None:
        pen.fill("text", _star(middle, 13))
        return
    place = (middle[0] * pen.scale, middle[1] * pen.scale)
    pen.draw.text(place, letters, font=face, fill=pen.colors["text"], anchor="mm")


def _star(middle: Point, radius: float) -> list[Point]:
    return [
        (
            middle[0] + (radius if point % 2 == 0 else radius * 0.42) * math.sin(math.pi * point / 5),
            middle[1] - (radius if point % 2 == 0 else radius * 0.42) * math.cos(math.pi * point / 5),
        )
        for point in range(10)
    ]


def _rgb(lightness: float, chroma: float, hue: float) -> Color:
    """A color of the style sheet, given there in OKLCH, as sRGB."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (round(255 * _encoded(min(max(part, 0.0), 1.0))) for part in linear)
    return red, green, blue


def _encoded(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
