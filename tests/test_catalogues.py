"""The catalogues: every message is there, says what it stands for, and reaches the page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import trans_real

from tests.catalogues import FIXED, GERMAN, ROOT, forms, hebrew, read, retold, write
from tests.test_translations import unmarked, world  # noqa: F401
from tms.models import Class, User

COMPILED = GERMAN.with_suffix(".mo")
MESSAGES = read(COMPILED)
SOURCES = ("achievements", "badges", "config", "providers", "rosters", "templates", "tms")
needs_gettext = pytest.mark.skipif(
    not shutil.which("xgettext"), reason="GNU gettext is not installed; .ci/gettext does it"
)


def told(said: str) -> Iterator[str]:
    """What gettext's tools say of lines of a file, with the message that begins there."""
    for path, number, what in re.findall(r"(?m)^(.+?):(\d+): (?:warning: )?(.+)$", said):
        lines = Path(path).read_text(encoding="utf-8").splitlines()[int(number) - 1 :]
        yield f"{what}: {' '.join(takewhile(str.strip, lines))[:200]}"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_gettext
def test_every_message_of_the_code_is_translated_and_no_other(tmp_path: Path) -> None:
    """Collected from a copy, since collecting leaves files beside the templates for a moment."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locale").mkdir()
    django = [sys.executable, "-m", "django", "makemessages", "--locale", "de"]
    run(*django, "--no-location", "--keep-pot", cwd=tmp_path)

    found = tmp_path / "locale" / "django.pot"
    done = subprocess.run(["msgcmp", GERMAN, found], capture_output=True, text=True, check=False)

    assert [*told(done.stderr)] == [], "make messages collects them; translate them in locale/de"


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


# ── on pages ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the German catalogues translate stands in brackets."""
    catalogue: Any = type(translation.trans_real.translation("de"))
    told, told_of_many = catalogue.gettext, catalogue.ngettext

    def gettext(self: Any, message: str) -> str:
        known = message in self._catalog or (message, self.plural(1)) in self._catalog
        return f"⟦{told(self, message)}⟧" if known and message else str(told(self, message))

    def ngettext(self: Any, one: str, many: str, number: int) -> str:
        known = (one, self.plural(number)) in self._catalog
        text: str = told_of_many(self, one, many, number)
        return f"⟦{text}⟧" if known else text

    monkeypatch.setattr(catalogue, "gettext", gettext)
    monkeypatch.setattr(catalogue, "ngettext", ngettext)


ADMINISTRATORS = [
    "dashboard",
    "find-achievements",
    "find-badges",
    "find-badge-providers",
    "find-badge-progress",
    "find-issued-badges",
    "find-organizations",
    "find-users",
    "find-audit",
    "create-achievement",
    "create-badge",
    "create-badge-provider",
    "create-organization",
    "create-user",
    "issue-from-list",
    "classes",
]


def english(client: Client, address: str) -> list[str]:
    """What a page says that no catalogue of German has."""
    html = client.get(address).content.decode()
    assert '<html lang="de"' in html
    assert "⟦" in html
    html = re.sub(r'<select[^>]*name="time_zone".*?</select>', "", html, flags=re.DOTALL)
    html = re.sub("<pre.*?</pre>|<code.*?</code>", "", html, flags=re.DOTALL)
    return [text for text in unmarked(html) if text != "https://"]  # what an address begins with


@pytest.mark.django_db
@pytest.mark.parametrize(
    "page",
    ["dashboard", "own-achievements", "own-profile", "notifications", "notification-settings", "classes"],
)
def test_learners_read_german_alone(german: None, client: Client, world: Any, page: str) -> None:  # noqa: F811
    User.objects.update(language="de")
    client.force_login(world["learner"])

    assert english(client, reverse(page)) == []


@pytest.mark.django_db
@pytest.mark.parametrize("page", ADMINISTRATORS)
def test_administrators_read_german_alone(german: None, client: Client, world: Any, page: str) -> None:  # noqa: F811
    User.objects.update(language="de")
    client.force_login(world["administrator"])

    assert english(client, reverse(page)) == []


@pytest.mark.django_db
def test_a_roster_and_the_profiles_are_in_german_alone(german: None, client: Client, world: Any) -> None:  # noqa: F811
    User.objects.update(language="de")
    client.force_login(world["administrator"])
    learner = world["learner"]
    for name, key in (
        ("roster", Class.objects.get().pk),
        ("user", learner.pk),
        ("user-achievements", learner.pk),
        ("transcript", learner.pk),
        ("full-achievements", learner.pk),
        ("member", learner.pk),
        ("organization", learner.organization_id),
        ("customization", learner.organization_id),
        ("gamification", learner.organization_id),
        ("profile-layout", learner.organization_id),
    ):
        assert english(client, reverse(name, args=[key])) == []


def test_the_sign_in_page_is_in_german_alone(german: None, client: Client) -> None:
    client.cookies.load({"django_language": "de"})

    assert english(client, reverse("sign-in")) == []


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
