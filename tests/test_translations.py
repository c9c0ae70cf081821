"""Every text that a person reads is marked for translation.

A made-up language that wraps each message in brackets is switched on; whatever letters then stand outside
brackets on a page were either forgotten, or are data. Data is told apart by its letters: names in these
tests are made of Greek ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import trans_real
from django.utils.translation.trans_real import CONTEXT_SEPARATOR

from achievements import evaluation
from achievements.models import Achievement
from badges.catalogue import save_badge
from badges.issued.verbs import VERBS
from badges.lifecycle import Move, move
from badges.models import Badge, Difference, IssuedBadge, IssuingAct, Synchronization
from badges.sharing import choices
from badges.status import Status
from badges.synchronization import Change
from providers.models import BadgeProvider
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    CourseAssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.access import Role
from tms.members.profile import save_picture, save_profile
from tms.models import Class, CourseAssignment, Enrollment, Mail, MailChoices, Notification
from tms.notifying.choices import token_for
from tms.notifying.composing import compose

pytestmark = pytest.mark.django_db

# Brands, a name of a product and addresses; they are the same in every language.
# Languages are called by what they call themselves.
UNTRANSLATED = re.compile(
    r"Credly|Accredible|TMS Badging|Excel|English|Deutsch|https?://\S+|\S+@\S+|[A-Z]{2,4}|UTC"
)


NAMED = {"first_name": "Άννα", "last_name": "Βήτα"}


@pytest.fixture
def brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every gettext function answers with its message in brackets, as a catalogue of another language would."""

    def wrap(text: str) -> str:
        message = text.rpartition(CONTEXT_SEPARATOR)[2]
        return f"⟦{message}⟧" if message.strip() else message

    def gettext(self: Any, message: str) -> str:
        return wrap(message)

    def ngettext(self: Any, one: str, many: str, number: int) -> str:
        return wrap(one if number == 1 else many)

    catalogue = translation.trans_real.translation("en")
    monkeypatch.setattr(type(catalogue), "gettext", gettext)
    monkeypatch.setattr(type(catalogue), "ngettext", ngettext)
    monkeypatch.setattr(trans_real, "gettext", lambda message: wrap(message.replace("\r\n", "\n")))


class Texts(HTMLParser):
    """The texts of a page, and those attributes that are read out or shown."""

    SPOKEN = frozenset({"aria-label", "title", "alt", "placeholder"})
    SILENT = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._silent += tag in self.SILENT
        self.found += [text for name, text in attributes if name in self.SPOKEN and text]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self.SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def unmarked(html: str) -> Iterator[str]:
    parser = Texts()
    parser.feed(html)
    # Messages may span tags and hold data; what is inside brackets goes, innermost first.
    text = "\n".join(parser.found)
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = shorter
    for line in text.splitlines():
        if re.search(r"[A-Za-z]{2,}", UNTRANSLATED.sub("", line)):
            yield line.strip()


@pytest.fixture
def world() -> dict[str, Any]:
    organization = OrganizationFactory(name="Ωμέγα")
    person = {"organization": organization, "first_name": "Άννα", "last_name": "Βήτα"}
    learner, administrator = UserFactory(**person), AdministratorFactory(**person)
    ending = timezone.now() + timedelta(days=9)
    provider = BadgeProviderFactory(name="Λάμδα", organization=organization, token_expires_at=ending)
    for name in ("Άλφα", "Γάμμα"):
        badge = BadgeFactory(name=name, organization=organization, badge_provider=provider)
        AchievementFactory(name=name, organization=organization, badge=badge)
    lab = LabFactory(name="Δέλτα", organization=organization)
    course = CourseFactory(name="Κάππα", organization=organization)
    LabInstanceFactory(user=learner, lab=lab)
    CourseAssignmentFactory(user=learner, course=course)
    EnrollmentFactory(user=learner, training_class__name="Σίγμα", training_class__course=course)
    evaluation.award_changes()
    Difference.objects.create(badge_provider=provider, kind=Difference.Kind.MISSING)
    first = IssuedBadge.objects.earliest("pk")
    for from_status, to_status in ((Status.QUEUED, Status.SENDING), (Status.SENDING, Status.FAILED)):
        move(Move(issued_badge_id=first.pk, from_status=from_status, to_status=to_status))
    enrollment = Enrollment.objects.get()
    return {"learner": learner, "administrator": administrator, "enrollment": enrollment}


def test_the_test_finds_an_unmarked_text():
    assert list(unmarked("<p>⟦Marked ⟦twice⟧⟧ Ωμέγα</p><p title='Forgotten'>3</p>")) == ["Forgotten"]


@pytest.mark.parametrize("who", ["learner", "administrator"])
@pytest.mark.parametrize("page", ["dashboard", "own-achievements"])
def test_pages_show_marked_texts_only(brackets, client, world, who, page):
    client.force_login(world[who])
    html = client.get(reverse(page)).content.decode()
    assert "⟦" in html
    assert list(unmarked(html)) == []


def test_a_learners_page_as_administrators_see_it(brackets, client, world):
    client.force_login(world["administrator"])
    html = client.get(reverse("user-achievements", args=[world["learner"].pk])).content.decode()
    assert list(unmarked(html)) == []


@pytest.mark.parametrize(
    "query", ["", "?completion=failed", "?columns_chosen=1&column=email&column=enrolled"]
)
def test_the_roster_of_a_class(brackets, client, world, query):
    client.force_login(world["administrator"])
    training_class = world["enrollment"].training_class
    html = client.get(reverse("roster", args=[training_class.pk]) + query).content.decode()
    assert list(unmarked(html)) == []


def test_the_classes_one_may_open(brackets, client, world):
    client.force_login(world["administrator"])
    for query in ("", "?q=nothing"):
        assert list(unmarked(client.get(reverse("classes") + query).content.decode())) == []


def test_a_course_assignment_and_a_transcript(brackets, client, world):
    assignment = CourseAssignment.objects.get()
    for who in ("learner", "administrator"):
        client.force_login(world[who])
        html = client.get(reverse("course-assignment", args=[assignment.pk])).content.decode()
        assert list(unmarked(html)) == []
        html = client.get(reverse("transcript", args=[assignment.user_id])).content.decode()
        assert list(unmarked(html)) == []


def test_the_dialog_that_issues_a_badge(brackets, client, world):
    client.force_login(world["administrator"])
    Badge.objects.update(name="Άλφα")
    url, hx = reverse("issue-a-badge", args=[world["enrollment"].pk]), {"HX-Request": "true"}
    provider = Badge.objects.first().badge_provider
    BadgeFactory(name="Ζήτα", organization=provider.organization, badge_provider=provider)
    assert list(unmarked(client.get(url, headers=hx).content.decode())) == []
    for badge in Badge.objects.all():  # some of them the learner has already
        html = client.post(url, {"confirm": "yes", "chosen": badge.pk}, headers=hx).content.decode()
        assert list(unmarked(html)) == []


def test_the_audit(brackets, client, world):
    client.force_login(world["administrator"])
    badge = Badge.objects.earliest("pk")
    badge.description, badge.is_active = "Ω", False
    save_badge(badge, actor=world["administrator"])
    html = client.get(reverse("find-audit")).content.decode()
    assert list(unmarked(html)) == []


def test_badge_progress_and_why(brackets, client, world):
    client.force_login(world["administrator"])
    achievement = Achievement.objects.earliest("pk")
    explained = reverse("explain-progress", args=[achievement.pk, world["learner"].pk])
    progress = reverse("find-badge-progress")
    for url in (progress, f"{progress}?achievement={achievement.pk}", explained):
        assert list(unmarked(client.get(url).content.decode())) == []


def test_an_issued_badge_and_what_is_done_to_it_or_to_many(brackets, client, world):
    client.force_login(world["administrator"])
    Badge.objects.update(name="Άλφα")
    hx, many = {"HX-Request": "true"}, {"act": "revoke", "query": "", "all": "1"}
    pages = [client.get(reverse("find-issued-badges"))]
    for issued in IssuedBadge.objects.all():
        pages.append(client.get(reverse("issued-badge", args=[issued.pk])))
        for verb in VERBS:
            pages.append(client.get(reverse("act-on-issued-badge", args=[issued.pk, verb]), headers=hx))
    pages.append(client.post(reverse("act-on-issued-badges"), many | {"confirm": "yes"}, headers=hx))
    pages.append(client.post(reverse("act-on-issued-badges"), many | {"confirm": "yes", "reason": "Ω"}))
    for response in pages:
        assert list(unmarked(response.content.decode())) == []


def test_the_page_of_a_learner_who_opted_out(brackets, client, world):
    gates.opt_out(world["learner"])
    client.force_login(world["learner"])
    html = client.get(reverse("own-achievements")).content.decode()
    assert list(unmarked(html)) == []


def test_the_sign_in_page(brackets, client):
    html = client.get(reverse("sign-in")).content.decode()
    assert list(unmarked(html)) == []


def test_the_page_of_an_unknown_address(brackets, client, world):
    client.force_login(world["learner"])
    assert list(unmarked(client.get("/nowhere/").content.decode())) == []


def test_issuing_to_a_class(brackets, client, world):
    """The choosers, the review with what will be refused, and the act with all kinds of results."""
    training_class = Class.objects.get()
    badge = Badge.objects.first()
    Badge.objects.update(is_active=True, enable_manual_issuance=True)
    nameless = UserFactory(organization=training_class.organization, first_name="", last_name="Φι")
    for learner in (
        nameless,
        *(UserFactory(**NAMED, organization=training_class.organization) for _ in "12"),
    ):
        EnrollmentFactory(user=learner, training_class=training_class)
    client.force_login(world["administrator"])
    address = reverse("issue-badges", args=[training_class.pk])
    pages = [
        client.get(address),
        client.get(f"{address}choose-badges/"),
        client.get(f"{address}choose-students/"),
    ]
    client.post(f"{address}choose-badges/", {"chosen": [badge.pk], "confirm": "yes"})
    pages += [client.post(f"{address}choose-students/", {"all": "yes", "search": "Άννα"})]
    everybody = Enrollment.objects.values_list("pk", flat=True)
    pages += [client.post(f"{address}choose-students/", {"chosen": list(everybody), "confirm": "yes"})]
    pages += [page := client.get(address)]
    act = client.post(address, {"token": page.context["selection"].token, "note": "Ωραία"}).url
    pages += [client.get(act)]
    issued = IssuedBadge.objects.latest("pk")
    for from_status, to_status in ((Status.QUEUED, Status.SENDING), (Status.SENDING, Status.ISSUED)):
        move(Move(issued_badge_id=issued.pk, from_status=from_status, to_status=to_status))
    IssuingAct.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    pages += [client.get(act), client.get(address)]
    for page in pages:
        assert list(unmarked(page.content.decode())) == []


def test_issuing_from_a_list(brackets, client, world):
    """Where it begins, its check with all kinds of problems, its result, and the dialog that takes it back."""
    administrator = world["administrator"]
    client.force_login(administrator)
    Badge.objects.update(is_active=True, enable_manual_issuance=True, name="Ζήτα")
    badge, start = Badge.objects.first(), reverse("issue-from-list")
    people = [UserFactory(**NAMED, organization=administrator.organization) for _ in "12"]
    rows = [f"{person.email},{badge.pk},,Ωραία" for person in people]
    rows += [f"{people[0].email},{badge.pk},,", "α@example.org,,,", f"{people[1].email},Ζήττα,1.1.,", "μία"]
    pages = [client.get(start), client.post(start, {"text": ",,"})]
    without_columns = client.post(start, {"text": "α,β\nα,β"}).url
    address = client.post(start, {"text": "\n".join(rows)}).url
    fields, names = ("learner", "badge", "issued_at", "note"), client.get(address).context["table"].names
    client.post(address, {f"column_{field}": name for field, name in zip(fields, names, strict=True)})
    pages += [client.get(without_columns), client.get(address), client.get(f"{address}?show=ready")]
    client.post(address, {"do": "issue", "seen": pages[-1].context["seen"]})
    pages += [client.get(address), client.get(start)]
    act = IssuingAct.objects.latest("pk")
    first, _second = IssuedBadge.objects.filter(outcomes__act=act)
    for to_status in (Status.SENDING, Status.ISSUED):
        move(Move(issued_badge_id=first.pk, from_status=first.status, to_status=to_status))
        first.refresh_from_db()
    pages += [client.get(reverse("undo-issuing-act", args=[act.pk])), client.get(address)]
    client.post(reverse("undo-issuing-act", args=[act.pk]), {"reason": "Ωραία"})
    pages += [client.get(address), client.get(reverse("undo-issuing-act", args=[act.pk]))]
    for page in pages:
        html = re.sub(
            "<pre.*?</pre>", "", page.content.decode(), flags=re.DOTALL
        )  # columns have English names
        assert list(unmarked(html)) == []


def test_a_badge_provider_and_its_form(brackets, client, world):
    """Its profile with all that there may be to tell, its form with what is wrong, and a synchronization."""
    client.force_login(world["administrator"])
    provider = BadgeProvider.objects.get()
    BadgeProvider.objects.update(provider_organization_id="1", checked_at=timezone.now())
    own = [provider.pk]
    OrganizationFactory(name="Θήτα", parent=provider.organization)
    pages = [client.get(reverse("badge-provider", args=own))]
    client.post(reverse("pause-badge-provider", args=own), {"reason": "Ωραία"})
    changes = [
        {"change": change.value, "template_id": "1", "name": "Ξι", "badge": None, "details": {}}
        for change in Change
    ]
    changes[1]["details"] = {"allows_duplicates": [False, True], "name": ["Ξι", "Πι"]}
    records = [
        Synchronization.objects.create(badge_provider=provider, is_dry_run=dry_run, changes=found)
        for dry_run, found in ((True, changes), (False, changes), (True, []), (True, changes))
    ]
    pages += [client.get(reverse("synchronization", args=[provider.pk, record.pk])) for record in records]
    pages += [client.get(reverse("badge-provider", args=own))]
    pages += [
        client.get(reverse("edit-badge-provider", args=own)),
        client.get(reverse("create-badge-provider")),
    ]
    pages += [client.post(reverse("create-badge-provider"), {"api_url": "1", "calls_per_minute": "1.1"})]
    for page in pages:
        assert list(unmarked(page.content.decode())) == []


def test_a_badge_its_form_and_its_dialogs(brackets, client, world):
    client.force_login(world["administrator"])
    badge = Badge.objects.first()
    IssuedBadgeFactory(badge=badge, status=Status.FAILED)
    Badge.objects.update(template_data={"name": "Ξι"}, description="Ωραία")
    own = [badge.pk]
    pages = [client.get(reverse("badge", args=own)), client.get(reverse("edit-badge", args=own))]
    client.post(reverse("deactivate-badge", args=own))
    Badge.objects.filter(pk=badge.pk).update(
        expires_after_days=9, template_state="gone", allows_duplicates=True, synchronized_at=timezone.now()
    )
    pages += [client.get(reverse("badge", args=own)), client.get(reverse("activate-badge", args=own))]
    for state in ({"is_enabled": False}, {"is_enabled": True, "paused_at": timezone.now()}):
        BadgeProvider.objects.update(**state)
        pages += [client.get(reverse("badge", args=own))]
    pages += [client.get(reverse("create-badge")), client.post(reverse("create-badge"), {"image_url": "1 1"})]
    account = {"badge_provider": badge.badge_provider_id}
    pages += [client.get(reverse("choose-badge-provider")), client.get(reverse("choose-template"), account)]
    pages += [client.get(reverse("choose-template"))]
    for page in pages:
        assert list(unmarked(page.content.decode())) == []


def test_users_and_organizations(brackets, client, world):
    """Their profiles, and their forms with what is wrong."""
    client.force_login(world["administrator"])
    organization, learner = world["learner"].organization, world["learner"]
    below = OrganizationFactory(name="Θήτα", parent=organization, enable_achievements=False)
    UserFactory(organization=below, opted_out_at=timezone.now(), participate_in_achievements=False)
    BadgeProvider.objects.get().available_to.add(below)
    later = timezone.now() + timedelta(days=9)
    for role, starts_at, ends_at in zip(
        Role, (later, None, None), (None, later, timezone.now()), strict=False
    ):
        learner.role_assignments.create(role=role, starts_at=starts_at, ends_at=ends_at)
    gates.opt_out(learner)
    pages = [
        *(client.get(f"/users/{person.pk}/") for person in (learner, world["administrator"])),
        *(client.get(f"/organizations/{row.pk}/") for row in (organization, below)),
        *(client.get(f"/organizations/{row.pk}/edit/") for row in (organization, below)),
        *(client.get(f"/{kind}/create/") for kind in ("users", "organizations")),
        *(client.post(f"/{kind}/create/", {"time_zone": "1"}) for kind in ("users", "organizations")),
        client.get(f"/users/{learner.pk}/edit/"),
    ]
    for page in pages:
        html = re.sub(r'<select[^>]*name="time_zone".*?</select>', "", page.content.decode(), flags=re.DOTALL)
        assert list(unmarked(html)) == []


def test_a_badge_that_is_shared(brackets, client, world):
    """Where she decides, before and after, and the public page in each state."""
    learner = world["learner"]
    badge = BadgeFactory(name="Ξι", description="Ωραία", organization=learner.organization)
    row = IssuedBadgeFactory(
        badge=badge, learner=learner, status=Status.ACCEPTED, external_url="https://provider.example/"
    )
    client.force_login(learner)
    share = reverse("share-badge", args=[row.pk])
    public = reverse("shared-badge", args=[choices.publish(row, actor=learner).public_id])
    pages = [client.get(share), client.get("/achievements/"), client.get(public)]
    acts = ({"act": "index", "is_indexed": "on"}, {"act": "index"}, {"act": "unpublish"}, {"act": "publish"})
    pages += [client.post(share, act, headers={"HX-Request": "true"}) for act in acts]
    for status in (Status.REVOKING, Status.REVOKED, Status.EXPIRED, Status.SUPERSEDED):
        move(Move(issued_badge_id=row.pk, from_status=row.status, to_status=status))
        row.refresh_from_db()
        pages += [client.get(share), client.get(public)]
        IssuedBadge.objects.filter(pk=row.pk).update(status=Status.ACCEPTED)
        row.refresh_from_db()
    IssuedBadge.objects.filter(pk=row.pk).update(status=Status.EXPIRED, expires_at=timezone.now())
    newer = IssuedBadgeFactory(badge=badge, learner=learner, status=Status.ACCEPTED, replaces=row)
    choices.publish(newer, actor=learner)
    pages += [client.get(share), client.get(public)]
    gates.opt_out(learner)
    pages += [client.get("/achievements/")]
    gates.opt_in(learner)
    present = reverse("present-badge", args=[newer.pk])
    for act in ("feature", "unfeature", "hide", "feature", "unhide"):
        pages += [client.post(present, {"act": act}, headers={"HX-Request": "true"})]
    choices.hide(newer, actor=learner)
    pages += [client.get(reverse("share-badge", args=[newer.pk])), client.get("/achievements/")]
    client.force_login(world["administrator"])
    pages += [client.get(f"/users/{learner.pk}/achievements/")]
    for page in pages:
        html = re.sub(
            r"<textarea.*?</textarea>|[0-9a-f]{8}-[0-9a-f-]{27}", "", page.content.decode(), flags=re.DOTALL
        )
        assert list(unmarked(html)) == []


def test_members_and_how_their_profiles_are_arranged(brackets, client, world):
    """Profiles full and empty, as one writes them and as others see them; settings, and what is wrong there."""
    learner, administrator = world["learner"], world["administrator"]
    organization = learner.organization
    organization.allow_member_profiles = True
    organization.save()
    OrganizationFactory(name="Θήτα", parent=organization)
    Badge.objects.update(name="Άλφα")
    client.force_login(learner)
    pages = [client.get("/profile/"), client.get(f"/members/{learner.pk}/")]
    wrong = {"bio": "Ω" * 1001, "link_1": "α", "link_2": "http://α", "link_3": "https://α@α"}
    pages += [client.post("/profile/", wrong), client.post("/profile/picture/")]
    pages += [client.post("/profile/picture/", {"remove": "yes"}, headers={"HX-Request": "true"})]
    save_profile(learner, bio="Ωραία", links=["https://github.com/1"], shows=True)
    save_picture(learner, b"1")
    pages += [client.get("/profile/"), client.get(f"/members/{learner.pk}/")]
    for person in (administrator, UserFactory(organization=organization, **NAMED)):
        client.force_login(person)
        pages += [client.get(f"/members/{learner.pk}/")]
    client.force_login(administrator)
    clear = f"/members/{learner.pk}/clear/"
    pages += [client.get(clear), client.post(clear)]
    settings = f"/organizations/{organization.pk}/settings/"
    pages += [client.get(settings), client.get(f"{settings}customization/")]
    pages += [client.get(f"{settings}gamification/"), client.get(f"{settings}profile-layout/")]
    for card in ("achievements", "about"):
        pages += [client.get(f"{settings}profile-layout/{card}/")]
        pages += [client.post(f"{settings}profile-layout/{card}/", {"shown": "99"})]
        pages += [
            client.post(
                f"{settings}profile-layout/{card}/",
                {"shown": "9", "position": "main"},
                headers={"HX-Request": "true"},
            )
        ]
    pages += [client.get(f"{settings}profile-layout/")]
    organization.allow_member_profiles = False
    organization.save()
    pages += [client.get(f"{settings}profile-layout/")]
    for page in pages:
        assert page.status_code == 200
        html = page.content.decode().replace(">GitHub<", "><").replace('placeholder="https://"', "")
        assert list(unmarked(html)) == []


def test_notifications_and_the_choice_of_mail(brackets, client, world):
    learner = world["learner"]
    told = [Notification(user=world["administrator"], kind=kind, key=1) for kind in Notification.Kind.values]
    Notification.objects.bulk_create(told)
    unsubscribe = reverse("unsubscribe", args=[token_for(learner, about=["achievements", "digest"])])
    for who in ("learner", "administrator"):
        client.force_login(world[who])
        for url in (reverse("notifications"), reverse("notification-settings"), unsubscribe):
            assert list(unmarked(client.get(url).content.decode())) == []
    for url in (unsubscribe, reverse("notifications")):
        html = client.post(url, {"up_to": "1"}, follow=True).content.decode()
        assert list(unmarked(html)) == []


def test_what_a_mail_says(brackets, world, settings):
    settings.MAIL_ENABLED, settings.NOTICE_WAIT_SECONDS = True, 0
    Notification.objects.update(unmailed="")
    mail = Mail.objects.create(user=world["learner"])
    Notification.objects.filter(user=world["learner"]).update(mail=mail)
    MailChoices.objects.create(user=world["administrator"], digest="daily")
    digest = Mail.objects.create(
        user=world["administrator"],
        purpose=Mail.Purpose.DIGEST,
        period="2026-12-01",
        covers_from=timezone.now() - timedelta(days=1),
        covers_until=timezone.now() + timedelta(days=1),
    )
    for row in (mail, digest):
        message = compose(row)
        [(html, _kind)] = message.alternatives
        assert "⟦" in message.subject
        assert list(unmarked(html)) == []
        assert list(unmarked(f"<pre>{message.body}</pre>")) == []
