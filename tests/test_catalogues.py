"""The catalogues: every message is there, says what it stands for, and reaches the page."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import trans_real

from tests.catalogues import FIXED, GERMAN, ROOT, forms, hebrew, read, retold, write
from tests.test_translations import unmarked, world  # noqa: F401

COMPILED = GERMAN.with_suffix(".mo")
MESSAGES = read(COMPILED)
needs_gettext = pytest.mark.skipif(
    not shutil.which("xgettext"), reason="GNU gettext is not installed; .ci/gettext does it"
)


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_gettext
def test_the_compiled_catalogue_is_the_one_that_people_write(tmp_path: Path) -> None:
    run("msgfmt", "--check", "--output-file", tmp_path / "django.mo", GERMAN)

    assert read(tmp_path / "django.mo") == MESSAGES


def fixed(text: str) -> list[str]:
    return sorted(FIXED.findall(text))


def test_what_is_put_in_stays_in() -> None:
    """Of several things every form names what the message does; of one thing the number may be a word."""
    wrong = []
    for message, told in MESSAGES.items():
        originals, translations = forms(message), forms(told)
        for original, translated in zip(originals, translations, strict=True):
            ends = [
                re.sub(r"^\s*\S.*\S\s*$|^\s*\S\s*$", "", text, flags=re.DOTALL)
                for text in (original, translated)
            ]
            if fixed(original) != fixed(translated) or ends[0] != ends[1]:
                wrong.append((original, translated))
    assert wrong == []


def test_readers_are_addressed_in_one_way() -> None:
    told = [
        text
        for text in MESSAGES.values()
        if re.search(r"\b(du|dich|dir|dein\w*)\b", FIXED.sub("", text), re.IGNORECASE)
    ]

    assert told == []


def test_quotation_marks_are_those_of_the_language() -> None:
    """Straight ones stand only in what is code."""
    wrong = [
        told
        for message, told in MESSAGES.items()
        if set(told) & set("”»«")
        or told.count("„") != told.count("“")
        or told.count('"') > message.count('"')
    ]

    assert wrong == []


# ── from right to left ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def from_right_to_left(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Hebrew, made of the letters of English, is one more language to choose."""
    write(tmp_path / "he" / "LC_MESSAGES" / "django.mo", retold(MESSAGES, hebrew))
    settings.LANGUAGES = [*settings.LANGUAGES, ("he", "עברית")]
    settings.LOCALE_PATHS = [tmp_path, *settings.LOCALE_PATHS]
    yield
    trans_real._translations.clear()


@pytest.mark.django_db
def test_a_page_runs_from_right_to_left_in_such_a_language(
    from_right_to_left: None,
    client: Client,
    world: Any,  # noqa: F811
) -> None:
    client.force_login(world["learner"])
    client.post(reverse("choose-language"), {"language": "he"})

    html = client.get(reverse("dashboard")).content.decode()

    assert '<html lang="he" dir="rtl">' in html
    assert hebrew("Dashboard") in html
    assert "Dashboard" not in html
