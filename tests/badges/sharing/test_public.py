"""The public page of a badge and its pictures: what is told, to whom, and what is not."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from achievements.models import EarnedAchievement
from badges import errands
from badges.erasing import erase
from badges.lifecycle import Move, move
from badges.models import BadgePresentation, IssuedBadge
from badges.sharing import choices, public
from badges.status import Status
from tests.badges.sharing.conftest import CANARY, SITE
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tms import gates

pytestmark = pytest.mark.django_db

PLACES = ("shared-badge", "shared-badge-card", "shared-badge-image")


def addresses(presentation: BadgePresentation) -> list[str]:
    return [reverse(place, args=[presentation.public_id]) for place in PLACES]


def page_of(client, presentation: BadgePresentation) -> str:
    response = client.get(addresses(presentation)[0])
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def statuses(client, presentation: BadgePresentation) -> set[int]:
    return {client.get(address).status_code for address in addresses(presentation)}


def become(row: IssuedBadge, status: str, **fields) -> None:
    """By a move, with its event; fields besides."""
    move(Move(issued_badge_id=row.pk, from_status=row.status, to_status=Status(status), reason="He cheated."))
    IssuedBadge.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()


class TestWhatIsTold:
    def test_whose_it_is_what_it_is_and_that_it_counts(self, client, presentation):
        html = page_of(client, presentation)

        for told in (
            "Cloud &lt;Foundations&gt;",
            "What clouds are made of.",
            "Zoë O’Hara",
            "Northwind &amp; Sons",
            "Valid",
            str(presentation.public_id),
            "https://provider.example/badges/1",
            "Verify it at Credly",
        ):
            assert told in words(html) or told in html
        assert "It does not expire." in html

    def test_days_are_the_issuers_for_every_reader(self, client, presentation):
        IssuedBadge.objects.update(earned_at=PAST.replace(hour=23))
        client.force_login(presentation.issued_badge.learner)  # who lives in Rome

        html = page_of(client, presentation)

        assert "March 3, 2026" in html
        assert 'datetime="2026-03-03"' in html

    def test_readers_get_its_name_in_their_language_and_pictures_are_one_for_all(
        self, client, row, presentation
    ):
        row.badge.translations = {"de": {"name": "Wolkenkunde", "description": "Woraus Wolken sind."}}
        row.badge.save()
        address, card, _image = addresses(presentation)
        german = {"accept-language": "de"}

        html = client.get(address, headers=german).content.decode()

        assert "Wolkenkunde" in html
        assert "Woraus Wolken sind." in html
        assert "Accept-Language" in client.get(address)["Vary"]
        assert "Wolkenkunde" not in page_of(client, presentation)
        assert client.get(card, headers=german)["ETag"] == client.get(card)["ETag"]

    def test_networks_are_told_by_whole_addresses(self, client, presentation):
        html = page_of(client, presentation)

        address = f"{SITE}/shared-badges/{presentation.public_id}/"
        for meta in (
            '<meta property="og:title" content="Cloud &lt;Foundations&gt;"',
            f'<meta property="og:url" content="{address}"',
            f'<meta property="og:image" content="{address}card.png"',
            '<meta name="twitter:card" content="summary_large_image"',
            f'<meta name="twitter:image" content="{address}card.png"',
            f'<link rel="canonical" href="{address}"',
        ):
            assert meta in html
        assert "Zoë O’Hara earned this badge of Northwind &amp; Sons on March 2, 2026." in html

    def test_what_it_took_is_the_rule_that_was_met(self, client, row, presentation):
        achievement = AchievementFactory(
            organization=row.badge.organization, conditions_text="[{Subject:0, Count:3, Distinct:true}]"
        )
        award = EarnedAchievement.objects.create(
            learner=row.learner,
            achievement=achievement,
            earned_at=PAST,
            earned_day=PAST.date(),
            points=1,
            rule_version=1,
            issued_badge=row,
        )

        assert "Launch 3 different labs" in page_of(client, presentation)

        EarnedAchievement.objects.filter(pk=award.pk).update(withdrawn_at=timezone.now())
        assert "What it took" not in page_of(client, presentation)

    def test_a_provider_that_shows_it_to_nobody_yet_is_not_named_as_proof(self, client, row, presentation):
        IssuedBadge.objects.update(status=Status.ISSUED, external_state="pending")

        assert "provider.example" not in page_of(client, presentation)

    def test_it_takes_few_queries(self, client, presentation, django_assert_max_num_queries):
        with django_assert_max_num_queries(6):
            page_of(client, presentation)
        with django_assert_max_num_queries(1):
            client.get(addresses(presentation)[1])


class TestWhetherItCounts:
    def test_expired_by_the_clock_even_before_the_sweep_has_said_so(self, client, row, presentation):
        IssuedBadge.objects.update(expires_at=timezone.now() - timedelta(minutes=1))

        text = words(page_of(client, presentation))

        assert "Expired" in text
        assert "It was valid until" in text
        assert "stands by it" not in text

    def test_still_valid_tells_until_when(self, client, row, presentation):
        IssuedBadge.objects.update(expires_at=PAST.replace(year=2100))

        text = words(page_of(client, presentation))

        assert "stands by it" in text
        assert "March 2, 2100" in text

    def test_revoked_tells_the_day_and_never_the_reason(self, client, row, presentation):
        become(row, Status.REVOKING)
        assert "is taking this badge back" in words(page_of(client, presentation))
        become(row, Status.REVOKED, ended_reason="He cheated.")

        html = page_of(client, presentation)

        assert "took this badge back on" in words(html)
        assert "stands by it" not in words(html)
        assert "He cheated." not in html

    def test_replaced_leads_to_the_newer_one_only_if_that_is_public(self, client, row, presentation):
        become(row, Status.SUPERSEDED)
        newer = IssuedBadgeFactory(badge=row.badge, learner=row.learner, status=Status.ISSUED, replaces=row)
        assert "A newer badge took its place" in words(page_of(client, presentation))
        assert "See the newer badge" not in page_of(client, presentation)

        published = choices.publish(newer, actor=row.learner)

        assert f'href="{SITE}/shared-badges/{published.public_id}/"' in page_of(client, presentation)

    @pytest.mark.parametrize("status", sorted(set(Status) - set(public.VERIFIABLE)))
    def test_what_she_never_had_or_declined_or_lost_is_not_there(self, client, presentation, status):
        IssuedBadge.objects.update(status=status)

        assert statuses(client, presentation) == {404}


class TestWhoDecides:
    def test_private_hidden_and_unknown_are_answered_alike(self, client, row, presentation):
        unknown = client.get(reverse("shared-badge", args=[uuid4()]))
        choices.unpublish(row, actor=row.learner)
        private = client.get(addresses(presentation)[0])
        choices.hide(row, actor=row.learner)
        hidden = client.get(addresses(presentation)[0])

        assert [answer.status_code for answer in (unknown, private, hidden)] == [404] * 3
        told = {answer.content.decode() for answer in (unknown, private, hidden)}
        asked = r'"X-CSRFToken": "\w+"|name="(csrfmiddlewaretoken|next)" value="[^"]*"'  # what it says of the request
        assert len({re.sub(asked, "", html) for html in told}) == 1
        assert statuses(client, presentation) == {404}

    def test_its_number_leads_nowhere(self, client, presentation):
        assert client.get(f"/shared-badges/{presentation.pk}/").status_code == 404

    @pytest.mark.parametrize("why", ["disabled", "opted out", "not ticked", "switched off"])
    def test_it_stays_verifiable_whatever_becomes_of_her_account(self, client, row, presentation, why):
        learner = row.learner
        if why == "disabled":
            learner.is_active = False
            gates.save_user(learner)
        elif why == "opted out":
            gates.opt_out(learner)
        elif why == "not ticked":
            learner.participate_in_achievements = False
            gates.save_user(learner)
        else:
            learner.organization.enable_achievements = False
            gates.save_organization(learner.organization)

        assert statuses(client, presentation) == {200}

    def test_what_is_erased_is_gone_at_once_and_for_good(self, client, row, presentation):
        erase(row, reason="She asked for it.", actor=None)
        assert statuses(client, presentation) == {404}

        errands.run()
        assert statuses(client, presentation) == {404}
        assert not BadgePresentation.objects.exists()

    def test_her_name_is_the_one_of_today(self, client, row, presentation):
        row.learner.last_name = "Marchetti"
        gates.save_user(row.learner)

        assert "Zoë Marchetti" in page_of(client, presentation)

    def test_without_a_name_no_address_takes_its_place(self, client, row, presentation):
        row.learner.first_name = row.learner.last_name = ""
        gates.save_user(row.learner)

        html = page_of(client, presentation)

        assert "Somebody without a name" in html
        assert CANARY not in html


class TestPrivacy:
    def test_no_page_picture_or_meta_tells_an_address(self, client, row, presentation):
        IssuedBadge.objects.update(
            recipient_email=CANARY, reason=f"For {CANARY}", failure_message=CANARY, ended_reason=CANARY
        )
        for address in addresses(presentation):
            response = client.get(address)
            told = response.content + repr(response.headers).encode()
            assert b"canary" not in told.lower()
            assert b"@" not in response.content or address.endswith(".png")

    def test_nobody_gets_a_cookie(self, client, presentation):
        for address in addresses(presentation):
            response = client.get(address)
            assert not response.cookies
            assert re.fullmatch(r"max-age=(60|300), public", response["Cache-Control"])

    def test_what_is_answered_to_somebody_signed_in_is_kept_by_nobody_else(self, client, row, presentation):
        client.force_login(row.learner)

        for address in addresses(presentation):
            assert "private" in client.get(address)["Cache-Control"]

    def test_search_engines_are_asked_out_unless_she_lets_them_in(self, client, row, presentation):
        for address in addresses(presentation):
            assert client.get(address)["X-Robots-Tag"] == "noindex, nofollow"
        assert '<meta name="robots" content="noindex, nofollow"' in page_of(client, presentation)

        choices.let_search_engines_in(row, allowed=True, actor=row.learner)

        for address in addresses(presentation):
            assert "X-Robots-Tag" not in client.get(address)
        assert 'name="robots"' not in page_of(client, presentation)

    def test_scripts_and_styles_are_ours_alone(self, client, presentation):
        response = client.get(addresses(presentation)[0])
        html = response.content.decode()

        assert "script-src 'self'" in response["Content-Security-Policy"]
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=\"(https?:)?//(?!badges\.example)", html)
        assert "<style" not in html
        assert " style=" not in html


class TestPictures:
    @pytest.mark.parametrize(("place", "size"), [(PLACES[1], (1200, 630)), (PLACES[2], (600, 600))])
    def test_they_are_what_they_say(self, client, presentation, place, size):
        response = client.get(reverse(place, args=[presentation.public_id]))

        assert response["Content-Type"] == "image/png"
        assert Image.open(BytesIO(response.content)).size == size
        assert response["Content-Disposition"] == 'inline; filename="cloud-foundations.png"'

    def test_whoever_has_it_is_not_sent_it_again(self, client, presentation, monkeypatch):
        address = addresses(presentation)[1]
        tag = client.get(address)["ETag"]
        monkeypatch.setattr("badges.sharing.pages.card_png", None)

        again = client.get(address, headers={"if-none-match": tag})

        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], again["Cache-Control"]) == (tag, "max-age=300, public")

    def test_another_name_is_another_picture(self, client, row, presentation):
        address = addresses(presentation)[1]
        before = client.get(address)["ETag"]
        row.learner.last_name = "Marchetti"
        gates.save_user(row.learner)

        assert client.get(address)["ETag"] != before

    def test_only_reading_is_answered(self, client, presentation):
        for address in addresses(presentation):
            assert client.head(address).status_code == 200
            assert client.post(address).status_code == 405


class TestFromThePublicPageToHerOwn:
    def test_it_leads_its_holder_to_where_she_decides(self, client, row, presentation):
        client.force_login(row.learner)

        response = client.get(reverse("own-shared-badge", args=[presentation.public_id]))

        assert response["Location"] == reverse("share-badge", args=[row.pk])

    def test_nobody_else_is_led_anywhere(self, client, row, presentation):
        for stranger in (UserFactory(), AdministratorFactory(organization=row.learner.organization)):
            client.force_login(stranger)
            address = reverse("own-shared-badge", args=[presentation.public_id])
            assert client.get(address).status_code == 404
