"""Pages of a list: what is kept, what is refused on the server, and what a page asks of the database."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from badges.lists.acting import fingerprint, issue_list, keep
from badges.lists.pages import PATIENCE
from badges.models import IssuedBadge, IssuingAct, IssuingList
from badges.status import Status
from tests.factories import PAST, AdministratorFactory, BadgeFactory, OrganizationFactory, UserFactory
from tms.access import Role

pytestmark = pytest.mark.django_db
START = "/issued-badges/from-list/"


@pytest.fixture
def badge():
    return BadgeFactory(name="Azure")


@pytest.fixture
def admin(badge):
    return AdministratorFactory(organization=badge.organization)


@pytest.fixture
def ada(badge):
    return UserFactory(organization=badge.organization, email="ada@example.org")


@pytest.fixture
def as_admin(client: Client, admin) -> Client:
    client.force_login(admin)
    return client


def page_of(kept: IssuingList) -> str:
    return reverse("issuing-list", args=[kept.pk])


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_pasted_list_is_kept_and_its_check_shown(as_admin, badge, admin, ada):
    response = as_admin.post(
        START, {"text": "ada@example.org\nnobody@x.org\n", "badge": badge.pk, "note": "Won"}
    )
    kept = IssuingList.objects.get()
    assert (response.status_code, response["Location"]) == (302, page_of(kept))
    assert (kept.actor, kept.badge, kept.note, kept.file_name) == (admin, badge, "Won", "")
    page = words(as_admin.get(page_of(kept)))
    assert "Issue 1 badge" in page
    assert "“nobody@x.org” is nobody you can issue to" in page
    assert not IssuedBadge.objects.exists()


def test_an_uploaded_file_takes_the_place_of_what_was_pasted(as_admin, badge, ada):
    file = SimpleUploadedFile("Winners 2026.csv", "email;badge\r\nada@example.org;Azure\r\n".encode("utf-16"))
    as_admin.post(START, {"text": "old", "file": file})
    kept = IssuingList.objects.get()
    assert (kept.file_name, kept.text) == ("Winners 2026.csv", "email;badge\r\nada@example.org;Azure\r\n")
    as_admin.post(page_of(kept), {"do": "issue", "seen": fingerprint(kept)})
    answer = as_admin.get(reverse("issuing-list-file", args=[kept.pk]))
    assert answer["Content-Disposition"] == 'attachment; filename="winners-2026-result.csv"'
    assert b"".join(answer).startswith("\ufeffrow,Learner,Badge,outcome".encode())


def test_a_file_of_which_nothing_can_be_used_is_shown_with_its_text(as_admin):
    file = SimpleUploadedFile("x.csv", b"email,email\na,b\n")
    page = words(as_admin.post(START, {"file": file, "note": "Won", "issued_at": "2026-03-02"}))
    assert "The header names a column twice: email." in page
    assert "email,email a,b" in page
    assert 'value="Won"' in page
    assert 'value="2026-03-02"' in page
    assert not IssuingList.objects.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": "  "}, "Paste rows or choose a file."),
        ({"text": "email,badge\n"}, "The list has no rows below its header."),
        ({"text": "a@x.org", "issued_at": "yesterday"}, "Enter a valid date."),
        ({"text": "a@x.org", "note": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_what_is_wrong_is_told_beside_the_field(as_admin, given, message):
    assert message in words(as_admin.post(START, given))
    assert not IssuingList.objects.exists()


def test_a_badge_of_another_organization_cannot_be_chosen(as_admin, badge, admin, ada):
    foreign = BadgeFactory()
    assert "Select a valid choice" in words(as_admin.post(START, {"text": ada.email, "badge": foreign.pk}))
    kept = keep(ada.email, actor=admin, badge=badge)
    as_admin.post(page_of(kept), {"column_learner": "column 1", "badge": foreign.pk})
    kept.refresh_from_db()
    assert kept.badge == badge


def test_columns_are_corrected_and_what_counts_for_all_kept(as_admin, badge, admin, ada):
    kept = keep("ada@example.org,Azure\n", actor=admin)
    page = words(as_admin.get(page_of(kept)))
    assert "Say which column names the badges" in page
    assert "No header was recognized; the first row is read as data." in page
    answer = as_admin.post(
        page_of(kept),
        {"column_learner": "column 1", "column_badge": "column 2", "note": "Won", "issued_at": "2026-03-02"},
    )
    assert answer.status_code == 302
    assert "Issue 1 badge" in words(as_admin.get(page_of(kept)))
    kept.refresh_from_db()
    assert (kept.note, kept.issued_at) == ("Won", "2026-03-02")


def test_a_day_of_issue_is_shown_as_it_was_given_wherever_its_reader_is(as_admin, badge, admin, ada):
    type(badge.organization).objects.filter(pk=badge.organization_id).update(time_zone="Europe/Berlin")
    type(admin).objects.filter(pk=admin.pk).update(time_zone="America/New_York")
    kept = keep(ada.email, actor=admin, badge=badge, issued_at="2026-03-31")
    assert ">March 31, 2026</time>" in words(as_admin.get(page_of(kept)))


def test_only_what_its_page_showed_is_confirmed_there(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    shown = re.search(r'name="seen" value="(\w+)"', as_admin.get(page_of(kept)).content.decode())
    assert shown
    as_admin.post(page_of(kept), {"column_learner": "column 1", "badge": badge.pk, "note": "In another tab"})
    for seen in ({}, {"seen": shown[1]}):
        page = words(as_admin.post(page_of(kept), {"do": "issue", **seen}, follow=True))
        assert "have changed since you looked" in page
        assert 'value="In another tab"' in page
    assert not IssuingAct.objects.exists()


def test_nothing_is_issued_beside_a_field_that_was_refused(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    given = {"column_learner": "column 1", "badge": badge.pk, "issued_at": "yesterday"}
    page = words(as_admin.post(page_of(kept), given))
    assert re.search(r'value="issue" disabled', page)
    assert 'data-waits-for="columns"' in words(as_admin.get(page_of(kept)))


def test_sending_it_twice_is_one_act_and_nothing_can_be_changed_after(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    for _time in range(2):
        as_admin.post(page_of(kept), {"do": "issue", "seen": fingerprint(kept)})
    as_admin.post(page_of(kept), {"column_learner": "", "note": "Changed"})
    kept.refresh_from_db()
    assert (IssuingAct.objects.count(), IssuedBadge.objects.count(), kept.note) == (1, 1, "")


def test_where_nothing_can_be_issued_a_forged_confirmation_does_nothing(as_admin, badge, admin):
    kept = keep("nobody@x.org", actor=admin, badge=badge)
    page = words(as_admin.post(page_of(kept), {"do": "issue", "seen": fingerprint(kept)}, follow=True))
    assert "No row of this list can be issued." in page
    assert not IssuingAct.objects.exists()


def test_a_colleague_sees_what_was_issued_and_not_what_is_prepared(client, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    client.force_login(AdministratorFactory(organization=badge.organization))
    assert client.get(page_of(kept)).status_code == 404
    assert client.post(page_of(kept), {"do": "issue", "seen": fingerprint(kept)}).status_code == 404
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    assert client.get(page_of(kept)).status_code == 200
    client.force_login(AdministratorFactory())
    assert client.get(page_of(kept)).status_code == 404


def test_who_is_no_administrator_any_more_finds_their_own_list_no_longer(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    admin.role_assignments.all().delete()
    for role in (Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR):
        admin.role_assignments.create(role=role)
        assert as_admin.get(page_of(kept)).status_code == 404
        assert as_admin.post(page_of(kept), {"do": "issue", "seen": fingerprint(kept)}).status_code == 404
    assert not IssuedBadge.objects.exists()


def test_the_page_tells_of_success_only_when_the_provider_has_it(as_admin, badge, admin, ada):
    bob = UserFactory(organization=badge.organization, email="bob@example.org")
    kept = keep(f"{ada.email}\n{bob.email}\nnobody@x.org\n", actor=admin, badge=badge)
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    page = words(as_admin.get(page_of(kept)))
    assert "Issuing… 0 of 2" in page
    assert "successfully issued" not in page
    IssuedBadge.objects.filter(learner=ada).update(status=Status.ISSUED)
    IssuedBadge.objects.filter(learner=bob).update(status=Status.FAILED, provider_message="No such template")
    page = words(as_admin.get(page_of(kept)))
    assert "Done: 1 of 2 issued" in page
    assert "The following badges were successfully issued:" in page
    assert f"Badge: Azure was not issued to {bob} because of this error: No such template" in page
    assert "Warning: Not all badges were successfully issued." in page
    assert "Rows of the list that were not used" in page


def test_the_result_file_tells_times_in_the_zone_of_who_reads_it(as_admin, badge, admin, ada):
    type(admin).objects.filter(pk=admin.pk).update(time_zone="Asia/Tokyo")
    kept = keep(ada.email, actor=admin, badge=badge)
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    IssuedBadge.objects.update(status=Status.ISSUED, issued_at=PAST)
    file = as_admin.get(reverse("issuing-list-file", args=[kept.pk])).getvalue().decode()
    assert "2026-03-02T18:00:00+09:00" in file


def test_a_page_that_waits_is_told_when_there_is_nothing_new(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    first = as_admin.get(page_of(kept), headers={"HX-Request": "true"})
    assert first.status_code == 200
    assert "<html" not in first.content.decode()
    seen = {"seen": first.context["seen"]}
    assert as_admin.get(page_of(kept), seen, headers={"HX-Request": "true"}).status_code == 204
    IssuedBadge.objects.update(status=Status.ISSUED)
    last = as_admin.get(page_of(kept), seen, headers={"HX-Request": "true"})
    assert last.status_code == 200
    assert "hx-get" not in last.content.decode()


def test_a_page_asks_seldom_where_what_is_left_is_held_or_takes_long(as_admin, badge, admin, ada):
    bob = UserFactory(organization=badge.organization, email="bob@example.org")
    kept = keep(f"{ada.email}\n{bob.email}\n", actor=admin, badge=badge)
    issue_list(kept, actor=admin, seen=fingerprint(kept))

    def interval() -> str:
        found = re.search(r'hx-trigger="every (\w+)"', as_admin.get(page_of(kept)).content.decode())
        return found[1] if found else ""

    IssuedBadge.objects.filter(learner=bob).update(status=Status.HELD)
    assert interval() == "2s"
    seen = {"seen": as_admin.get(page_of(kept)).context["seen"]}
    IssuedBadge.objects.update(status=Status.HELD)
    assert interval() == "15s"
    # Who asks often learns of it, though no number has changed.
    assert as_admin.get(page_of(kept), seen, headers={"HX-Request": "true"}).status_code == 200
    IssuedBadge.objects.update(status=Status.QUEUED)
    assert interval() == "2s"
    IssuingAct.objects.update(created_at=timezone.now() - PATIENCE - timedelta(seconds=1))
    assert interval() == "15s"
    IssuingAct.objects.update(undone_at=timezone.now())
    IssuedBadge.objects.update(status=Status.REVOKING)
    assert interval() == "2s"


def test_undoing_asks_why_and_returns_to_the_page_and_to_no_other_site(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    act = issue_list(kept, actor=admin, seen=fingerprint(kept))
    address = reverse("undo-issuing-act", args=[act.pk])
    assert "1 badge that has not been sent is cancelled." in words(as_admin.get(address))
    back = {"next": page_of(kept)}
    assert "A reason is required" in words(as_admin.post(address, {**back, "reason": " "}, follow=True))
    answer = as_admin.post(address, {"next": "https://evil.example/", "reason": "By mistake"})
    assert answer["Location"] == reverse("dashboard")
    assert IssuedBadge.objects.get().status == Status.CANCELLED
    page = words(as_admin.post(address, {**back, "reason": "By mistake"}, follow=True))
    assert "this was taken back" in page
    assert ": By mistake" in page
    assert "Nothing that this act issued is left" in words(as_admin.get(address))


def test_what_is_refused_leaves_the_dialog_as_it_was_filled_in(as_admin, badge, admin, ada):
    kept = keep(ada.email, actor=admin, badge=badge)
    act = issue_list(kept, actor=admin, seen=fingerprint(kept))

    def take_back(reason):
        given = {"next": page_of(kept), "reason": reason}
        return as_admin.post(
            reverse("undo-issuing-act", args=[act.pk]), given, headers={"HX-Request": "true"}
        )

    too_long = "Why? <br> " * 201
    refused = take_back(too_long).content.decode()
    assert f">{escape(too_long)}</textarea>" in refused
    assert f'name="next" value="{page_of(kept)}"' in refused
    assert 'aria-describedby="undo-problem"' in refused
    assert "is longer than 2000 characters" in refused.split('id="undo-problem"')[1]
    assert IssuedBadge.objects.get().status == Status.QUEUED
    assert take_back("By mistake")["HX-Redirect"] == page_of(kept)
    assert IssuedBadge.objects.get().status == Status.CANCELLED
    again = words(take_back("By mistake"))  # somebody was faster
    assert "this was taken back" in again
    assert "Take back" not in again


def test_pages_ask_as_much_for_many_rows_as_for_few(as_admin, badge, admin):
    as_admin.get("/")  # the first page of a day is written down
    counts = []
    for number in (2, 60):
        organization = OrganizationFactory(parent=badge.organization)
        people = UserFactory.create_batch(number, organization=organization)
        text = "\n".join([person.email for person in people] + [f"nobody{n}@x.org" for n in range(number)])
        kept = keep(text, actor=admin, badge=badge)
        with CaptureQueriesContext(connection) as check:
            assert as_admin.get(page_of(kept)).status_code == 200
        issue_list(kept, actor=admin, seen=fingerprint(kept))
        half = [person.pk for person in people[::2]]
        IssuedBadge.objects.filter(learner__in=half).update(status=Status.ISSUED)
        IssuedBadge.objects.exclude(status=Status.ISSUED).update(status=Status.FAILED)
        with CaptureQueriesContext(connection) as result:
            assert as_admin.get(page_of(kept)).status_code == 200
        counts.append((len(check), len(result)))
    assert counts[0] == counts[1]
