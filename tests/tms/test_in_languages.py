"""Names and descriptions of achievements and badges in other languages: who sees which, and who writes them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import translation

from achievements import evaluation
from achievements.conditions.explain import in_words
from achievements.conditions.language import canonical, read
from achievements.models import Achievement
from badges.models import Badge
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    UserFactory,
)
from tms.models import AuditEntry
from tms.models.translated import validate_translations

pytestmark = pytest.mark.django_db
GERMAN = {"de": {"name": "Erste Schritte", "description": "Das erste Lab."}}


@pytest.mark.parametrize(
    ("language", "name"),
    [("de", "Erste Schritte"), ("de-at", "Erste Schritte"), ("en", "First steps"), ("fr", "First steps")],
)
def test_a_name_is_read_in_the_readers_language_or_else_as_it_is(language: str, name: str) -> None:
    badge = Badge(name="First steps", description="One lab.", translations={"de": {"name": "Erste Schritte"}})

    with translation.override(language):
        assert (badge.name_here, badge.description_here) == (name, "One lab.")
    assert str(badge) == "First steps"


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        "de",
        {"de": "Erste Schritte"},
        {"de": {"name": 1}},
        {"de": {"title": "Erste Schritte"}},
        {"xx": {"name": "Erste Schritte"}},
        {"de": {"name": "x" * 201}},
    ],
)
def test_what_cannot_be_a_translation_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        validate_translations(wrong)


def test_what_is_empty_is_not_stored() -> None:
    badge = BadgeFactory()
    badge.translations = {"de": {"name": " Erste Schritte ", "description": " "}, "en": {"name": ""}}
    badge.full_clean()

    assert badge.translations == {"de": {"name": "Erste Schritte"}}


def test_a_badge_is_named_in_languages_on_its_page(client: Client) -> None:
    badge = BadgeFactory(name="First steps", translations={"fr": {"name": "Premiers pas"}})
    client.force_login(AdministratorFactory(organization=badge.organization))
    address = reverse("edit-badge", args=[badge.pk])
    assert "name_de" in client.get(address).content.decode()
    facts = {
        "name": badge.name,
        "organization": badge.organization_id,
        "badge_provider": badge.badge_provider_id,
        "template_id": badge.template_id,
    }

    response = client.post(address, {**facts, "name_de": "Erste Schritte", "description_de": "Das Lab."})

    assert response.status_code == 302
    badge.refresh_from_db()
    assert badge.translations["de"] == {"name": "Erste Schritte", "description": "Das Lab."}
    assert badge.translations["fr"] == {"name": "Premiers pas"}
    assert "translations" in AuditEntry.objects.get().changes


def test_a_translation_that_is_too_long_is_shown_beside_its_field(client: Client) -> None:
    badge = BadgeFactory()
    client.force_login(AdministratorFactory(organization=badge.organization))

    page = client.post(reverse("edit-badge", args=[badge.pk]), {"name_de": "x" * 201})

    assert page.context["form"].errors["name_de"]


def test_an_achievement_is_named_in_languages_on_its_page(client: Client) -> None:
    achievement = AchievementFactory(name="First steps", translations=GERMAN)
    client.force_login(AdministratorFactory(organization=achievement.organization))
    address = reverse("edit-achievement", args=[achievement.pk])
    form = client.get(address).context["form"]
    assert form["name_de"].value() == "Erste Schritte"
    facts = {
        "name": achievement.name,
        "organization": achievement.organization_id,
        "points": 10,
        "frequency": 1,
        "frequency_type": "per_user",
        "conditions_text": achievement.conditions_text,
        "confirmed": "yes",
    }

    client.post(address, {**facts, "name_de": "Anfang", "description_de": ""})

    assert Achievement.objects.get().translations == {"de": {"name": "Anfang"}}


def test_learners_see_names_in_their_language_and_administrators_the_plain_ones(client: Client) -> None:
    badge = BadgeFactory(name="First steps", translations=GERMAN)
    learner = UserFactory(organization=badge.organization, language="de")
    AchievementFactory(name="Start", organization=badge.organization, translations={"de": {"name": "Anfang"}})
    LabInstanceFactory(user=learner, lab=LabFactory(organization=badge.organization))
    evaluation.award_changes()
    IssuedBadgeFactory(badge=badge, learner=learner)

    client.force_login(learner)
    for page in ("dashboard", "own-achievements"):
        html = client.get(reverse(page)).content.decode()
        assert "Erste Schritte" in html
        assert "Das erste Lab." in html
        assert "Anfang" in html
        assert "First steps" not in html

    client.force_login(AdministratorFactory(organization=badge.organization, language="de"))
    assert "First steps" in client.get(reverse("find-badges")).content.decode()


def test_rules_name_achievements_in_the_readers_language(django_assert_num_queries: Any) -> None:
    first = AchievementFactory(name="First steps", translations=GERMAN)
    rule = canonical(read(f"[{{Subject:40, AchievementIds:[{first.pk}]}}]"))

    with translation.override("de"), django_assert_num_queries(1):
        assert in_words([rule]) == ["Erreichen Sie den Erfolg „Erste Schritte“"]
    assert in_words([rule]) == ["Earn the achievement “First steps”"]


def test_programs_write_and_read_translations(client: Client) -> None:
    badge = BadgeFactory()
    client.force_login(AdministratorFactory(organization=badge.organization))
    address = f"/api/v1/badges/{badge.pk}/"

    good = client.patch(address, {"translations": GERMAN}, content_type="application/json")
    bad = client.patch(address, {"translations": {"de": 1}}, content_type="application/json")

    assert good.json()["translations"] == GERMAN
    assert bad.status_code == 400
    assert "translations" in bad.json()["fields"]
