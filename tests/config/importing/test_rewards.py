"""badge_providers.csv, badges.csv and achievements.csv."""

from __future__ import annotations

import pytest

from achievements.models import Achievement, RuleVersion
from badges.models import Badge
from providers.models import BadgeProvider
from tests.config.importing.conftest import Folder
from tests.factories import BadgeProviderFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_rewards(folder: Folder) -> None:
    folder.keep_only("organizations", "labs", "badge_providers", "badges", "achievements")


def provider() -> BadgeProvider:
    return BadgeProvider.objects.get(external_id="provider-1")


def test_an_account_gets_its_token_from_the_environment(folder: Folder) -> None:
    report = folder.run()

    assert (provider().kind, provider().token, provider().is_enabled) == (
        BadgeProvider.Kind.CREDLY,
        "secret-of-the-test",
        True,
    )
    assert "secret-of-the-test" not in str(report.as_data())


def test_a_token_is_not_written_again(folder: Folder) -> None:
    folder.run()
    encrypted = "SELECT token FROM providers_badgeprovider ORDER BY id"
    before = [row.token for row in BadgeProvider.objects.raw(encrypted.replace("token", "id, token"))]

    report = folder.run()

    assert report.counts["badge_providers"].unchanged == 2
    assert [row.token for row in BadgeProvider.objects.raw(encrypted.replace("token", "id, token"))] == before


def test_a_new_token_is_stored_and_ends_a_pause(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.run()
    BadgeProvider.objects.update(paused_at="2026-01-01T00:00:00Z", pause_reason="401")
    monkeypatch.setenv("IMPORT_TEST_TOKEN", "another-secret")

    assert folder.run().counts["badge_providers"].updated == 1
    assert (provider().token, provider().paused_at) == ("another-secret", None)


def test_a_missing_variable_is_told_and_its_row_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMPORT_TEST_TOKEN")

    problems = folder.problems()

    assert [(problem.file, problem.line, problem.column) for problem in problems] == [
        ("badge_providers.csv", 2, "token_env"),
        ("badges.csv", 2, "badge_provider"),
        ("badges.csv", 3, "badge_provider"),
        ("achievements.csv", 2, "conditions"),
        ("achievements.csv", 3, "badge"),
    ]
    assert problems[0].message == "The environment variable IMPORT_TEST_TOKEN is not set."


def test_an_account_that_is_not_complete_waits_disabled_until_it_is(folder: Folder) -> None:
    complete = "https://sandbox-api.credly.com/v1,IMPORT_TEST_TOKEN"
    folder.keep_only("organizations", "badge_providers")
    folder.replace("badge_providers", complete, ",")

    assert folder.problems() == []
    assert not provider().is_enabled
    assert folder.run().counts["badge_providers"].unchanged == 2

    folder.replace(
        "badge_providers",
        "11111111-1111-4111-8111-111111111111,,",
        f"11111111-1111-4111-8111-111111111111,{complete}",
    )
    folder.run()
    assert provider().is_enabled


def test_an_account_at_accredible_is_complete_with_its_key_alone(folder: Folder) -> None:
    folder.keep_only("organizations", "badge_providers")
    folder.replace(
        "badge_providers",
        "Credly,11111111-1111-4111-8111-111111111111,https://sandbox-api.credly.com/v1",
        "Accredible,,https://api.accredible.com/v1",
    )

    assert folder.problems() == []
    assert (provider().kind, provider().is_enabled) == (BadgeProvider.Kind.ACCREDIBLE, True)


def test_an_address_that_nothing_would_be_sent_to_is_a_problem_of_its_row(folder: Folder) -> None:
    folder.keep_only("organizations", "badge_providers")
    folder.replace("badge_providers", "https://sandbox-api.credly.com/v1", "http://sandbox-api.credly.com/v1")

    (problem,) = folder.problems()

    assert (problem.line, problem.column) == (2, "api_url")
    assert "must begin with https" in problem.message


def test_an_account_that_somebody_disabled_stays_so(folder: Folder) -> None:
    folder.run()
    BadgeProvider.objects.update(is_enabled=False)

    folder.run()

    assert not provider().is_enabled


def test_a_badge_is_stored(folder: Folder) -> None:
    folder.run()

    first, second = Badge.objects.order_by("external_id")
    assert (first.badge_provider, first.is_active, first.enable_manual_issuance) == (provider(), True, True)
    assert (second.is_active, second.enable_manual_issuance, second.description) == (False, False, "")


def test_what_the_catalogue_refuses_is_told_in_its_words(folder: Folder) -> None:
    BadgeProviderFactory(external_id="provider-9", is_enabled=False)
    folder.add(
        "badges",
        "badge-8,Same template,academy,provider-1,22222222-2222-4222-8222-222222222222,,,",
        "badge-9,Of a disabled account,academy,provider-9,44444444-4444-4444-8444-444444444444,,,true",
    )

    problems = folder.problems()

    assert [(problem.line, problem.column) for problem in problems] == [(4, None), (5, "is_active")]
    assert "already has a badge of this template" in problems[0].message
    assert "disabled" in problems[1].message


def test_an_achievement_is_stored_with_its_rule(folder: Folder) -> None:
    folder.run()

    examined = Achievement.objects.get(external_id="a-2")
    assert examined.pk == 77
    assert (examined.points, examined.category, examined.is_global, examined.enabled) == (
        50,
        "Courses",
        True,
        True,
    )
    assert examined.badge == Badge.objects.get(external_id="badge-1")
    assert examined.conditions_text == "[{Subject:0, LabProfileIds:[12345], Count:1, Passed:True}]"
    assert Achievement.objects.get(external_id="a-1").pk > 77


def test_a_rule_that_did_not_change_gets_no_new_version(folder: Folder) -> None:
    folder.run()
    folder.run()
    assert RuleVersion.objects.filter(achievement=77).count() == 1

    folder.replace("achievements", "Count:1, Passed:True", "Count:2, Passed:True")
    folder.run()
    assert RuleVersion.objects.filter(achievement=77).count() == 2


def test_a_mistake_in_conditions_is_told_with_its_column(folder: Folder) -> None:
    folder.replace("achievements", "Passed:True", "Pased:True")

    problems = folder.problems()

    assert [(problem.line, problem.column) for problem in problems] == [(2, "conditions"), (3, "conditions")]
    assert "77" in problems[0].message
    assert "Passed" in problems[1].message
    assert not Achievement.objects.exists()


def test_a_condition_over_an_unknown_lab_is_told(folder: Folder) -> None:
    folder.keep_only("organizations", "badge_providers", "badges", "achievements")

    problems = folder.problems()

    assert {(problem.file, problem.column) for problem in problems} == {("achievements.csv", "conditions")}
    assert any("12345" in problem.message for problem in problems)


def test_an_achievement_without_a_badge_any_more_loses_it(folder: Folder) -> None:
    folder.run()
    folder.replace("achievements", "Per User,badge-1", "Per User,")

    assert folder.run().counts["achievements"].updated == 1
    assert Achievement.objects.get(pk=77).badge is None


def test_names_in_other_languages_have_columns_of_their_own(folder: Folder) -> None:
    folder.run()
    badge = Badge.objects.get(external_id="badge-1")
    Badge.objects.update(translations={"fr": {"name": "Premiers pas"}})
    head = "external_id,name,organization,badge_provider,template_id,name_de,description_de"
    row = f"badge-1,{badge.name},academy,provider-1,{badge.template_id}"
    folder.write("badges", f"{head}\n{row},Erste Schritte,Das erste Lab.")

    first, second = folder.run(), folder.run()

    assert (first.counts["badges"].updated, second.counts["badges"].unchanged) == (1, 1)
    assert Badge.objects.get(external_id="badge-1").translations == {
        "fr": {"name": "Premiers pas"},
        "de": {"name": "Erste Schritte", "description": "Das erste Lab."},
    }
    folder.write("badges", f"{head}\n{row},,")
    folder.run()
    assert Badge.objects.get(external_id="badge-1").translations == {"fr": {"name": "Premiers pas"}}
