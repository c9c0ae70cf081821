"""What the templates and the stylesheets promise to each other and to the content security policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from badges.status import Status

# A mail is no page of this site: its style goes with it, and no policy of ours is read there.
TEMPLATES = sorted(
    path for path in (settings.BASE_DIR / "templates").rglob("*.html") if path.parent.name != "mail"
)
STYLES = settings.BASE_DIR / "tms" / "static" / "tms"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline_that_the_policy_forbids(template: Path) -> None:
    text = template.read_text(encoding="utf-8")

    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", text)


@pytest.mark.parametrize("status", Status.values)
def test_every_status_of_an_issued_badge_has_its_own_sign(status: str) -> None:
    styles = (STYLES / "parts.css").read_text(encoding="utf-8")

    assert re.search(rf"\.status-{status}\b", styles)


@pytest.mark.parametrize(
    "stylesheet", ["style.css", "parts.css", "entity.css", "admin.css", "style-guide.css"]
)
def test_every_token_in_use_is_defined(stylesheet: str) -> None:
    text = (STYLES / stylesheet).read_text(encoding="utf-8")
    defined = re.findall(r"(--[a-z0-9-]+):", text + (STYLES / "tokens.css").read_text(encoding="utf-8"))

    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) <= set(defined)


def test_the_last_resort_page_needs_no_context_and_names_files_that_exist() -> None:
    page = render_to_string("500.html")

    files = re.findall(r'"/static/([^"]+)"', page)
    assert "tms/style.css" in files
    assert all(finders.find(file) for file in files)


def test_the_style_guide_shows_every_part() -> None:
    page = render_to_string("style_guide.html")

    for part in (
        "hero",
        "badge",
        "achievement open",
        "pill",
        "notice",
        "table",
        "timeline",
        "empty",
        "dialog",
        "tabbed",
        "profile",
    ):
        assert part in page
    assert " style=" not in page


@pytest.mark.parametrize(("hue", "kind"), [(10, "hue-0"), (None, "hue-0"), (4711, "hue-1"), ("8", "hue-8")])
def test_a_badge_without_a_picture_gets_a_medal_of_its_own(hue: object, kind: str) -> None:
    medal = render_to_string("_medal.html", {"name": "Cloud Foundations <2>", "hue": hue})

    assert kind in medal
    assert "CF" in medal


def test_a_badge_with_a_picture_shows_it() -> None:
    medal = render_to_string("_medal.html", {"name": "Cloud", "image": "https://images.example/1.png"})

    assert 'src="https://images.example/1.png"' in medal
    assert "<svg" not in medal
