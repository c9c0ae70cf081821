"""Drawn pictures: the same facts make the same picture, and no name breaks it."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageFont

from badges.sharing import lettering
from badges.sharing.lettering import (
    BOLD,
    REGULAR,
    cleaned,
    face_for,
    fitted,
    is_right_to_left,
    lines_of,
)
from badges.sharing.medal import medal
from badges.sharing.pictures import BADGE_SIDE, CARD, Picture, badge_png, card_png

NAMES = [
    "Cloud Foundations",
    "A",
    "",
    "Wolfeschlegelsteinhausenbergerdorff" * 6,
    "word " * 40,
    "Łukasz Őri",
    "Ελένη Παπαδοπούλου",
    "Жорж",
    "آدا لوفليس",
    "עדה",
    "王小明",
    "김철수",
    "अदिति",
    "สมชาย",
    "🚀🎓",
    "x\u0301" * 150,
    "\u202eevil",
]


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_makes_a_picture_of_the_right_size(name):
    picture = Picture(number=3, name=name, earner=name, issuer=name)

    assert opened(card_png(picture)).size == CARD
    assert opened(badge_png(picture)).size == (BADGE_SIDE, BADGE_SIDE)


def test_the_same_facts_make_the_same_bytes_under_the_same_tag():
    first, second = (Picture(number=1, name="Cloud", earner="Ada", issuer="North") for _ in range(2))

    assert first.tag == second.tag
    assert card_png.__wrapped__(first) == card_png.__wrapped__(second)


@pytest.mark.parametrize("fields", [{"number": 2}, {"name": "Sky"}, {"earner": "Eve"}, {"issuer": "South"}])
def test_other_facts_make_another_picture_under_another_tag(fields):
    first = Picture(number=1, name="Cloud", earner="Ada", issuer="North")
    other = Picture(**{"number": 1, "name": "Cloud", "earner": "Ada", "issuer": "North", **fields})

    assert first.tag != other.tag
    assert card_png(first) != card_png(other)


def test_the_medal_is_cut_out_of_nothing():
    drawn = medal("Cloud", number=4, side=200)

    assert drawn.getpixel((0, 0))[3] == 0
    assert drawn.getpixel((100, 40))[3] == 255


def test_ten_badges_look_different():
    assert len({medal("Cloud", number=number, side=96).tobytes() for number in range(10)}) == 10


def test_a_picture_is_kept_for_the_next_who_asks():
    picture = Picture(number=1, name="Kept", earner="Ada", issuer="North")

    assert card_png(picture) is card_png(picture)


class TestWithoutFontsOfTheMachine:
    """Where only Pillow's own is there, which has the letters of English."""

    @pytest.fixture(autouse=True)
    def no_fonts(self, monkeypatch):
        monkeypatch.setattr(lettering, "_path", lambda family, weight: "")
        for remembered in (lettering._face, lettering._has, card_png, badge_png):
            remembered.cache_clear()
        yield
        for remembered in (lettering._face, lettering._has, card_png, badge_png):
            remembered.cache_clear()

    def test_what_it_has_is_written(self):
        assert face_for("Ada Lovelace", BOLD, size=30)

    @pytest.mark.parametrize("name", ["Zoë", "Жорж", "王小明", "آدا"])
    def test_a_name_with_letters_it_lacks_is_left_out_and_not_drawn_as_boxes(self, name):
        assert face_for(name, BOLD, size=30) is None
        without = card_png(Picture(number=1, name="Cloud", earner="", issuer="North"))
        assert card_png(Picture(number=1, name="Cloud", earner=name, issuer="North")) == without

    def test_a_medal_without_letters_bears_a_star(self):
        assert medal("王", number=1, side=96).tobytes() == medal("", number=1, side=96).tobytes()
        assert medal("W", number=1, side=96).tobytes() != medal("", number=1, side=96).tobytes()


class TestLettering:
    @pytest.fixture
    def face(self) -> ImageFont.FreeTypeFont:
        face = face_for("Cloud Foundations", REGULAR, size=40)
        assert face
        return face

    def test_lines_are_no_wider_than_there_is_room(self, face):
        lines = lines_of("Cloud Foundations for the patient", face=face, width=330, most=9)

        assert lines
        assert len(lines) > 1
        assert " ".join(lines) == "Cloud Foundations for the patient"
        assert all(face.getlength(line) <= 330 for line in lines)

    def test_a_word_that_is_longer_than_a_line_is_broken(self, face):
        lines = lines_of("m" * 40, face=face, width=300, most=9)

        assert lines
        assert "".join(lines) == "m" * 40
        assert all(face.getlength(line) <= 300 for line in lines)

    def test_the_largest_size_that_fits_is_taken(self):
        small, _lines = fitted("Cloud Foundations " * 3, BOLD, sizes=(60, 40, 20), width=400, most=2) or (
            None,
            [],
        )
        large, _lines = fitted("Cloud", BOLD, sizes=(60, 40, 20), width=400, most=2) or (None, [])

        assert small
        assert large
        assert small.size < large.size == 60

    def test_what_fits_in_no_size_is_cut_and_says_so(self):
        found = fitted("Cloud Foundations " * 12, BOLD, sizes=(40, 30), width=400, most=2)

        assert found
        face, lines = found
        assert len(lines) <= 2
        assert lines[-1].endswith("…")
        assert all(face.getlength(line) <= 400 for line in lines)

    def test_pictures_in_a_name_are_not_letters(self):
        assert cleaned("Sky 🚀  ✔️ high") == "Sky high"

    @pytest.mark.parametrize(
        ("name", "expected"), [("Ada", False), ("آدا", True), ("1 עדה", True), ("7", False), ("", False)]
    )
    def test_where_a_name_begins(self, name, expected):
        assert is_right_to_left(name) is expected
