"""What a learner does with her badges on her own pages, with and without script, and what others can."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from badges.models import BadgePresentation, IssuedBadge
from badges.sharing import choices
from badges.status import PRESENTABLE, Status
from tests.badges.sharing.conftest import CANARY, SITE
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tms import gates

pytestmark = pytest.mark.django_db

OWN = "/achievements/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def learner(client, row):
    client.force_login(row.learner)
    return row.learner


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def share(row) -> str:
    return reverse("share-badge", args=[row.pk])


def present(row) -> str:
    return reverse("present-badge", args=[row.pk])


def actions_of(client, row) -> str:
    """The part of her page about one badge."""
    page = client.get(OWN).content.decode()
    found = re.search(rf'<div class="choices" id="choices-{row.pk}">.*?</li>', page, re.DOTALL)
    assert found
    return found.group()


class TestOnHerPage:
    def test_each_badge_she_holds_can_be_shared_featured_and_hidden(self, client, learner, row):
        part = actions_of(client, row)

        assert f'href="{share(row)}"' in part
        assert "Feature Cloud &lt;Foundations&gt;" in part
        assert "Hide Cloud &lt;Foundations&gt;" in part
        assert "csrfmiddlewaretoken" in part

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.REJECTED, Status.REVOKED])
    def test_what_she_does_not_hold_can_be_hidden_only(self, client, learner, row, status):
        IssuedBadge.objects.update(status=status)
        part = actions_of(client, row)

        assert share(row) not in part
        assert "Feature" not in part
        assert "Hide" in part

    def test_without_script_a_choice_leads_back_and_says_what_came_of_it(self, client, learner, row):
        response = client.post(present(row), {"act": "feature"}, follow=True)

        assert response.redirect_chain == [("/achievements/#badges", 302)]
        assert "Featured: it comes first." in text_of(response)
        assert BadgePresentation.objects.get().is_featured

    def test_with_script_only_the_part_is_answered(self, client, learner, row):
        response = client.post(present(row), {"act": "feature"}, headers=HTMX)

        assert response.content.decode().strip().startswith("<div")
        assert f'id="choices-{row.pk}"' in response.content.decode()
        assert "Stop featuring Cloud &lt;Foundations&gt;" in response.content.decode()
        assert "Featured: it comes first." in text_of(response)

        client.post(present(row), {"act": "unfeature"}, headers=HTMX)
        assert not BadgePresentation.objects.get().is_featured

    def test_hidden_is_said_in_words_on_her_page_and_can_be_undone(self, client, learner, row):
        client.post(present(row), {"act": "hide"})
        part = actions_of(client, row)

        assert "Hidden: only you see it here." in part
        assert share(row) not in part
        assert "Show again" in part

        client.post(present(row), {"act": "unhide"})
        assert "Hidden" not in actions_of(client, row)

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_hiding_a_public_badge_says_that_it_is_public_no_longer(self, client, learner, row, headers):
        choices.publish(row, actor=learner)
        assert "Hide Cloud &lt;Foundations&gt; and stop publishing it" in actions_of(client, row)

        response = client.post(present(row), {"act": "hide"}, headers=headers, follow=not headers)

        assert "Hidden from everybody else, and no longer public." in text_of(response)
        assert BadgePresentation.objects.get().published_at is None

    def test_a_refusal_is_told(self, client, learner, row):
        choices.hide(row, actor=learner)

        for headers in ({}, HTMX):
            response = client.post(present(row), {"act": "feature"}, headers=headers, follow=not headers)
            assert "You hide this badge." in text_of(response)
        assert not BadgePresentation.objects.get().is_featured

    def test_what_is_no_choice_changes_nothing(self, client, learner, row):
        assert client.post(present(row), {"act": "revoke"}).status_code == 302
        assert client.post(present(row)).status_code == 302
        assert client.get(present(row)).status_code == 405
        assert not BadgePresentation.objects.exists()

    def test_featured_badges_come_first_and_hidden_ones_leave_the_dashboard(self, client, learner, row):
        newer = IssuedBadgeFactory(
            badge=BadgeFactory(name="Newer", organization=learner.organization),
            learner=learner,
            status=Status.ACCEPTED,
            earned_at=timezone.now(),
        )

        def listed(address: str) -> list[str]:
            found: list[str] = re.findall(
                r"Newer(?=\s*<)|Cloud(?= &lt;Found)", client.get(address).content.decode()
            )
            return list(dict.fromkeys(found))

        assert listed(OWN) == ["Newer", "Cloud"]
        choices.feature(row, actor=learner)
        assert listed(OWN) == listed("/") == ["Cloud", "Newer"]
        choices.hide(newer, actor=learner)
        assert listed(OWN) == ["Cloud", "Newer"]
        assert listed("/") == ["Cloud"]

    def test_a_page_that_waits_for_news_hears_of_a_choice_made_in_another_window(self, client, learner, row):
        before = client.get(OWN).context["rewards"].fingerprint
        assert client.get(OWN, {"seen": before}, headers=HTMX).status_code == 204
        choices.publish(row, actor=learner)

        assert client.get(OWN, {"seen": before}, headers=HTMX).status_code == 200

    def test_choices_of_many_badges_cost_no_queries(
        self, client, learner, row, django_assert_max_num_queries
    ):
        provider = BadgeProviderFactory(organization=learner.organization)
        for _number in range(30):
            badge = BadgeFactory(organization=learner.organization, badge_provider=provider)
            other = IssuedBadgeFactory(badge=badge, learner=learner, status=Status.ACCEPTED)
            choices.publish(other, actor=learner)
        client.get(OWN)

        with django_assert_max_num_queries(12):
            client.get(OWN)

    def test_an_administrator_sees_what_was_chosen_and_cannot_choose(self, client, row):
        choices.hide(row, actor=row.learner)
        client.force_login(AdministratorFactory(organization=row.learner.organization))

        page = client.get(f"/users/{row.learner.pk}/achievements/").content.decode()

        assert "Hidden by its holder." in page
        assert present(row) not in page
        assert client.post(present(row), {"act": "unhide"}).status_code == 404
        assert client.post(share(row), {"act": "publish"}).status_code == 404
        assert client.get(share(row)).status_code == 404
        assert BadgePresentation.objects.get().is_hidden


class TestSharePage:
    def test_before_it_is_public_it_says_what_would_be_and_offers_nothing_else(self, client, learner, row):
        response = client.get(share(row))
        text = text_of(response)

        for told in (
            "What becomes public",
            "Zoë O’Hara",
            "Northwind &amp; Sons",
            "March 2, 2026",
            "Publish this badge",
        ):
            assert told in text
        for absent in ("linkedin", "mailto:", "shared-badges"):
            assert absent not in response.content.decode().lower()

    def test_publishing_opens_the_page_and_the_ways_to_take_it_along(self, client, learner, row):
        response = client.post(share(row), {"act": "publish"}, follow=True)
        html = response.content.decode()
        address = f"{SITE}/shared-badges/{BadgePresentation.objects.get().public_id}/"

        assert response.redirect_chain == [(share(row), 302)]
        assert "Public: whoever has the address can see it." in text_of(response)
        for told in (
            f'value="{address}"',
            "https://www.linkedin.com/profile/add?startTask=CERTIFICATION_NAME&amp;",
            "https://x.com/intent/post?",
            "https://www.facebook.com/sharer/sharer.php?",
            'href="mailto:?subject=',
            "&lt;a href=&quot;",
            'download="cloud-foundations.png"',
        ):
            assert told in html

    def test_links_to_others_are_plain_and_say_nothing_of_where_one_came_from(self, client, learner, row):
        choices.publish(row, actor=learner)
        html = client.get(share(row)).content.decode()

        outside = re.findall(
            r'<a [^>]*href="(?:https?://|mailto:)[^>]*>', html.split('id="signature-looks"')[0]
        )
        assert len(outside) >= 6
        for link in outside:
            assert 'rel="noopener noreferrer"' in link
            assert 'target="_blank"' in link
        for loaded in re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="(https?:[^"]*)"', html):
            assert loaded.startswith(SITE)

    def test_a_snippet_shows_its_html_and_not_what_it_makes(self, client, learner, row):
        choices.publish(row, actor=learner)
        html = client.get(share(row)).content.decode()

        website = re.search(r'<textarea id="website"[^>]*>(.*?)</textarea>', html, re.DOTALL)
        assert website
        assert website.group(1).startswith("&lt;a href=&quot;")
        assert "&amp;lt;Foundations&amp;gt;" in website.group(1)

    def test_stopping_makes_it_private_and_offers_nothing_any_more(self, client, learner, row):
        choices.publish(row, actor=learner)

        response = client.post(share(row), {"act": "unpublish"}, headers=HTMX)

        assert "Private again: the address leads nowhere." in text_of(response)
        assert "linkedin" not in response.content.decode().lower()
        assert BadgePresentation.objects.get().published_at is None

    def test_search_engines_follow_the_tick(self, client, learner, row):
        choices.publish(row, actor=learner)

        response = client.post(share(row), {"act": "index", "is_indexed": "on"}, headers=HTMX)
        assert "Search engines may list it." in text_of(response)
        assert BadgePresentation.objects.get().is_indexed
        assert re.search(r'id="is_indexed"[^>]*checked', response.content.decode())

        client.post(share(row), {"act": "index"})
        assert not BadgePresentation.objects.get().is_indexed

    def test_the_tick_of_what_is_private_by_now_is_refused(self, client, learner, row):
        response = client.post(share(row), {"act": "index", "is_indexed": "on"}, follow=True)

        assert "It is not public." in text_of(response)

    def test_what_is_hidden_is_shown_again_first(self, client, learner, row):
        choices.hide(row, actor=learner)
        assert "Show it again to publish it." in text_of(client.get(share(row)))
        assert "Publish this badge" not in text_of(client.get(share(row)))

        response = client.post(share(row), {"act": "unhide"}, follow=True)

        assert "Publish this badge" in text_of(response)

    @pytest.mark.parametrize("status", sorted(set(Status) - set(PRESENTABLE)))
    def test_what_she_does_not_hold_cannot_be_published_and_the_page_says_why(
        self, client, learner, row, status
    ):
        IssuedBadge.objects.update(status=status)

        assert "It cannot be published as it is" in text_of(client.get(share(row)))
        response = client.post(share(row), {"act": "publish"}, follow=True)

        assert "Only a badge that was issued can be shown to others" in text_of(response)
        assert not BadgePresentation.objects.exists()

    def test_a_published_badge_that_was_revoked_can_be_made_private_and_says_so(self, client, learner, row):
        choices.publish(row, actor=learner)
        IssuedBadge.objects.update(status=Status.REVOKED)

        text = text_of(client.get(share(row)))

        assert "Revoked" in text
        assert "Stop publishing" in text
        assert share(row) in actions_of(client, row)

    def test_it_tells_no_address_of_hers(self, client, learner, row):
        choices.publish(row, actor=learner)
        middle = client.get(share(row)).content.decode().split('id="sharing"')[1]

        assert CANARY not in middle

    def test_where_the_provider_has_it_too_the_way_there_is_beside(self, client, learner, row):
        assert "See it at Credly" in text_of(client.get(share(row)))

    def test_it_takes_few_queries(self, client, learner, row, django_assert_max_num_queries):
        choices.publish(row, actor=learner)
        client.get(share(row))

        with django_assert_max_num_queries(8):
            client.get(share(row))

    def test_another_learners_badge_is_not_there(self, client, row):
        client.force_login(UserFactory(organization=row.learner.organization))

        assert client.get(share(row)).status_code == 404
        assert client.post(share(row), {"act": "publish"}).status_code == 404
        assert not BadgePresentation.objects.exists()


class TestStillPublic:
    def test_who_stops_participating_is_told_what_stays_public_and_can_end_it(self, client, learner, row):
        choices.publish(row, actor=learner)
        gates.opt_out(learner)

        response = client.get(OWN)

        assert "Still public" in text_of(response)
        assert share(row) in response.content.decode()
        client.post(share(row), {"act": "unpublish"})
        assert "Still public" not in text_of(client.get(OWN))

    def test_a_published_badge_that_was_replaced_is_listed_too(self, client, learner, row):
        choices.publish(row, actor=learner)
        assert "Still public" not in text_of(client.get(OWN))
        IssuedBadge.objects.update(status=Status.SUPERSEDED)

        assert "Still public" in text_of(client.get(OWN))

    def test_it_is_hers_to_see_alone(self, client, row):
        choices.publish(row, actor=row.learner)
        gates.opt_out(row.learner)
        client.force_login(AdministratorFactory(organization=row.learner.organization))

        assert "Still public" not in text_of(client.get(f"/users/{row.learner.pk}/achievements/"))


def test_the_api_tells_the_address_while_it_is_public(client, row):
    client.force_login(row.learner)
    address = f"/api/v1/issued-badges/{row.pk}/"
    assert client.get(address).json()["public_url"] is None

    presentation = choices.publish(row, actor=row.learner)
    assert client.get(address).json()["public_url"] == f"{SITE}/shared-badges/{presentation.public_id}/"
    assert client.get("/api/v1/issued-badges/").json()["results"][0]["public_url"]

    choices.hide(row, actor=row.learner)
    assert client.get(address).json()["public_url"] is None
