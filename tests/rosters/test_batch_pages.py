"""Choosing badges and students, looking at what would come of it, and asking for it; with what is refused."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from badges.issuing import issue
from badges.models import ActOutcome, IssuedBadge, IssuingAct
from badges.status import Status
from tests.factories import PAST, BadgeFactory, EnrollmentFactory, OrganizationFactory, UserFactory
from tms.models import Enrollment, User

WHO = ["administrator", "instructor", "contract"]


def names(html):
    return [name for name in ("Lovelace", "Turing", "Hopper") if name in html]


def of(room, enrollment, badge):
    return IssuedBadge.objects.filter(badge=badge, learner=enrollment.user)


# --- What may be chosen -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", WHO)
def test_only_active_badges_of_exactly_the_organization_that_may_be_issued_by_hand_are_offered(room, who):
    child = OrganizationFactory(parent=room.organization)
    provider = room.badges[0].badge_provider
    for name, fields in {
        "Of A Child": {"organization": child},
        "Of Another": {"organization": OrganizationFactory()},
        "Not By Hand": {"enable_manual_issuance": False},
        "Asleep": {"is_active": False},
    }.items():
        BadgeFactory(name=name, **{"organization": room.organization, "badge_provider": provider, **fields})
    html = room.get(who, "choose-badges/").content.decode()
    assert "2 Results Found" in html
    assert html.index("Cloud Builder") < html.index("Anchor Hand")  # the course's comes first
    for name in ("Of A Child", "Of Another", "Not By Hand", "Asleep"):
        assert name not in html


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("administrator", ["Lovelace", "Turing", "Hopper"]),
        ("instructor", ["Lovelace", "Turing"]),
        ("contract", ["Lovelace", "Turing", "Hopper"]),
    ],
)
def test_the_students_offered_follow_the_rule_of_the_role(room, who, seen):
    for status in set(Enrollment.Status) - {Enrollment.Status.ENROLLED, Enrollment.Status.AUDIT}:
        learner = UserFactory(organization=room.organization, last_name=f"Is{status.value}")
        EnrollmentFactory(user=learner, training_class=room.training_class, status=status)
    html = room.get(who, "choose-students/").content.decode()
    assert names(html) == seen
    assert f"{len(seen)} Results Found" in html
    assert "Iscancelled" not in html
    assert ("Northwind" in html.split("</ul>")[0]) == (who == "instructor")  # the filter that is always set


def test_an_auditor_can_be_chosen(room):
    auditor = EnrollmentFactory(
        user__organization=room.organization, training_class=room.training_class, status="audit"
    )
    answer = room.choose("instructor", students=[auditor])
    assert str(auditor.user) in answer.content.decode()


# --- The selection ----------------------------------------------------------------------------------------


def test_what_is_chosen_survives_a_reload_and_belongs_to_one_person_and_class(room):
    room.choose("administrator", badges=room.badges, students=[*room.mine, *room.guests])
    page = room.get("administrator").content.decode()
    assert names(page) == ["Lovelace", "Turing", "Hopper"]
    assert "6 badges will be issued" in page
    assert names(room.get("contract").content.decode()) == []


def test_badges_and_students_are_removed_one_by_one(room):
    room.choose("contract", badges=room.badges, students=[*room.mine, *room.guests])
    html = room.post("contract", "remove/", student=room.guests[0].pk).content.decode()
    assert names(html) == ["Lovelace", "Turing"]
    html = room.post("contract", "remove/", badge=room.badges[1].pk).content.decode()
    assert "Anchor Hand" not in html
    assert "2 badges will be issued" in html
    assert names(room.post("contract", "remove/", student="x").content.decode()) == ["Lovelace", "Turing"]


def test_a_dialog_that_is_confirmed_is_told_to_close(room):
    answer = room.choose("instructor", badges=room.badges)
    assert json.loads(answer.headers["HX-Trigger-After-Swap"]) == {"close-dialog": {}}
    assert answer.headers["HX-Retarget"] == "#selection"


def test_what_would_be_refused_is_marked_before_anything_is_issued(room):
    ada, alan = room.mine
    issue(room.badges[0], [ada.user], actor=room.administrator, source=IssuedBadge.Source.API)
    User.objects.filter(pk=alan.user_id).update(first_name="")
    User.objects.filter(pk=room.guests[0].user_id).update(email="grace@nowhere")
    room.choose("contract", badges=room.badges, students=[ada, alan, *room.guests])
    page = room.get("contract").content.decode()
    assert "This badge is already on its way (Waiting): asked for on" in page
    assert f"by {room.administrator}" in page
    assert page.count("The provider needs a first and a last name.") == 1  # of both badges, said once
    assert "must follow valid e-mail guidelines" in page
    assert "1 badge will be issued" in page
    assert "5 will be refused, as marked above" in page
    assert IssuedBadge.objects.count() == 1


def test_those_who_would_get_nothing_are_removed_at_once(room):
    ada, alan = room.mine
    issue(room.badges[0], [ada.user], actor=room.administrator, source=IssuedBadge.Source.API)
    User.objects.filter(pk=alan.user_id).update(first_name="")
    room.choose("contract", badges=room.badges, students=[ada, alan, *room.guests])
    assert "Remove 1 who would get nothing" in room.get("contract").content.decode()
    assert names(room.post("contract", "remove/", in_vain="yes").content.decode()) == ["Lovelace", "Hopper"]


def test_whoever_has_left_the_class_since_is_marked(room):
    room.choose("contract", badges=room.badges, students=room.mine)
    Enrollment.objects.filter(pk=room.mine[0].pk).update(status="cancelled")
    page = room.get("contract").content.decode()
    assert "Only students who are Enrolled or Audit in this class can be issued badges from it." in page
    assert "2 badges will be issued" in page


# --- Issuing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", WHO)
def test_every_badge_is_asked_for_every_student_and_the_page_of_the_act_is_shown(room, who):
    room.choose(who, badges=room.badges, students=room.mine)
    answer = room.issue(who, note="Well done", evidence_name="Project", evidence_url="https://x.example/1")
    act = IssuingAct.objects.get()
    assert answer.url == f"{room.address}{act.pk}/#asked"
    assert IssuedBadge.objects.count() == 4
    row = of(room, room.mine[0], room.badges[1]).get()
    assert (row.status, row.reason, row.issued_by) == (Status.QUEUED, "Well done", getattr(room, who))
    assert row.evidence == [{"name": "Project", "description": "", "url": "https://x.example/1"}]
    assert (row.source_kind, row.source_key) == ("roster", str(room.training_class.pk))
    assert "0 of 4" in room.clients[who].get(answer.url).content.decode()
    assert names(room.get(who).content.decode()) == []  # the next act begins with nothing


def test_each_pair_is_accepted_or_refused_alone(room):
    ada, alan = room.mine
    issue(room.badges[0], [ada.user], actor=room.administrator, source=IssuedBadge.Source.API)
    User.objects.filter(pk=alan.user_id).update(last_name=" ")
    room.choose("contract", badges=room.badges, students=[ada, alan, *room.guests])
    room.issue("contract")
    outcomes = {
        (outcome.badge.name, outcome.learner_id): outcome.code for outcome in ActOutcome.objects.all()
    }
    grace = room.guests[0]
    assert outcomes == {
        ("Cloud Builder", ada.user_id): "already_issued",
        ("Anchor Hand", ada.user_id): "queued",
        ("Cloud Builder", alan.user_id): "no_name",
        ("Anchor Hand", alan.user_id): "no_name",
        ("Cloud Builder", grace.user_id): "queued",
        ("Anchor Hand", grace.user_id): "queued",
    }


def test_asking_twice_is_one_act_also_with_the_page_from_before(room):
    room.choose("instructor", badges=room.badges, students=room.mine)
    token = room.get("instructor").context["selection"].token
    first = room.post("instructor", token=token)
    again = room.post("instructor", token=token)
    assert first.url == again.url
    assert IssuingAct.objects.count() == 1
    assert IssuedBadge.objects.count() == 4


def test_of_two_instructors_the_second_is_told_who_issued_it_and_when(room):
    room.choose("instructor", badges=room.badges[:1], students=room.mine[:1])
    room.choose("contract", badges=room.badges[:1], students=room.mine[:1])
    room.issue("instructor")
    answer = room.issue("contract")
    assert IssuedBadge.objects.count() == 1
    page = room.clients["contract"].get(answer.url).content.decode()
    assert "Badge: Cloud Builder was not issued to Ada Lovelace because of this error:" in page
    assert f"by {room.instructor}" in page
    assert "Warning: Not all badges were successfully issued." in page


def test_a_choice_that_was_changed_in_another_window_is_looked_at_again(room):
    room.choose("instructor", badges=room.badges, students=room.mine[:1])
    token = room.get("instructor").context["selection"].token
    room.choose("instructor", students=room.mine)
    answer = room.clients["instructor"].post(room.address, {"token": token}, follow=True)
    assert "changed in another window" in answer.content.decode()
    assert not IssuedBadge.objects.exists()


@pytest.mark.parametrize("token", ["", "x", "4b7c1f4e-7f0b-4b9e-8f5e-3a1f7f2b9d10"])
def test_without_the_token_of_a_choice_nothing_is_issued(room, token):
    room.choose("instructor", badges=room.badges, students=room.mine)
    room.post("instructor", token=token)
    assert not IssuedBadge.objects.exists()


def test_with_nothing_chosen_nothing_is_issued_and_it_is_said(room):
    room.choose("instructor", badges=room.badges, students=[])
    answer = room.issue("instructor")
    assert not IssuingAct.objects.exists()
    assert "Choose at least one badge and one learner." in answer.content.decode()


def test_an_evidence_that_no_provider_takes_is_refused_and_what_was_typed_is_kept(room):
    room.choose("instructor", badges=room.badges, students=room.mine)
    answer = room.issue("instructor", note="Typed <carefully>", evidence_url="nowhere")
    html = answer.content.decode()
    assert "Evidence 1:" in html.split('id="evidence-problem"')[1].split("</ul>")[0]
    assert "Typed &lt;carefully&gt;" in html
    assert not IssuedBadge.objects.exists()


@pytest.mark.parametrize(
    ("note", "told"), [("Long" * 501, "longer than 2000"), ("Nul\0", "cannot be stored")]
)
def test_a_note_that_cannot_be_kept_is_told_beside_it_and_stays_typed(room, note, told):
    room.choose("instructor", badges=room.badges, students=room.mine)
    answer = room.issue("instructor", note=note)
    html = answer.content.decode()
    assert told in html.split('id="note-problem"')[1].split("</ul>")[0]
    assert note[:4] in html.split('id="note"')[1].split("</textarea>")[0]
    assert not IssuingAct.objects.exists()


# --- Forged ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", WHO)
def test_badges_that_are_not_offered_cannot_be_chosen(room, who):
    child = OrganizationFactory(parent=room.organization)
    provider = room.badges[0].badge_provider
    forged = [
        BadgeFactory(organization=child),
        BadgeFactory(organization=OrganizationFactory()),
        BadgeFactory(organization=room.organization, badge_provider=provider, enable_manual_issuance=False),
        BadgeFactory(organization=room.organization, badge_provider=provider, is_active=False),
    ]
    room.choose(who, badges=forged, students=room.mine)
    room.post(who, "choose-badges/", kept=",".join(str(badge.pk) for badge in forged), confirm="yes")
    assert room.get(who).context["review"].badges == []
    room.issue(who)
    assert not IssuedBadge.objects.exists()


def test_students_that_are_not_offered_cannot_be_chosen(room):
    cancelled = EnrollmentFactory(
        user__organization=room.organization, training_class=room.training_class, status="cancelled"
    )
    elsewhere = EnrollmentFactory(user__organization=room.organization)
    room.choose("instructor", badges=room.badges, students=[*room.guests, cancelled, elsewhere])
    assert room.get("instructor").context["review"].enrollments == []
    room.issue("instructor")
    assert not IssuedBadge.objects.exists()


def test_who_lost_the_right_after_choosing_is_refused_when_asking(room):
    room.choose("contract", badges=room.badges, students=[*room.mine, *room.guests])
    token = room.get("contract").context["selection"].token
    room.training_class.instructors.remove(room.contract)
    assert room.post("contract", token=token).status_code == 404
    assert not IssuedBadge.objects.exists()


def test_a_badge_that_was_put_to_sleep_after_it_was_chosen_is_refused_with_the_reason(room):
    room.choose("instructor", badges=room.badges, students=room.mine[:1])
    token = room.get("instructor").context["selection"].token
    type(room.badges[0]).objects.filter(pk=room.badges[0].pk).update(is_active=False)
    answer = room.post("instructor", token=token)
    page = room.clients["instructor"].get(answer.url).content.decode()
    assert "because of this error: This badge is not active." in page
    assert [row.badge for row in IssuedBadge.objects.all()] == [room.badges[1]]


@pytest.mark.parametrize("path", ["", "choose-badges/", "choose-students/", "remove/"])
def test_a_class_that_one_does_not_teach_is_not_found(room, path):
    stranger = UserFactory(organization=room.organization, roles=["instructor"])
    room.clients["stranger"] = type(room.clients["contract"])()
    room.clients["stranger"].force_login(stranger)
    assert room.post("stranger", path, chosen=[1], confirm="yes").status_code == 404


# --- Many --------------------------------------------------------------------------------------------------


def fill(room, number, *, of="few"):
    users = User.objects.bulk_create(
        User(email=f"{n}@{of}.org", first_name="Bea", last_name=f"N{n}", organization=room.organization)
        for n in range(number)
    )
    return Enrollment.objects.bulk_create(
        Enrollment(user=user, training_class=room.training_class, enrolled_at=PAST, started_zone="UTC")
        for user in users
    )


@pytest.fixture
def costs(room):
    """How many queries each step takes for so many students."""

    def count(step):
        with CaptureQueriesContext(connection) as queries:
            answer = step()
        assert answer.status_code < 400
        return len(queries)

    def costs(students):
        steps = {
            "dialog": lambda: room.get("instructor", "choose-students/"),
            "choose": lambda: room.choose("instructor", badges=room.badges, students=students),
            "page": lambda: room.get("instructor"),
            "issue": lambda: room.post("instructor", token=room.get("instructor").context["selection"].token),
            "watch": lambda: room.get("instructor", f"{IssuingAct.objects.latest('pk').pk}/"),
        }
        return {name: count(step) for name, step in steps.items()}

    return costs


def test_what_it_costs_does_not_depend_on_how_many_are_chosen(room, costs):
    costs(room.mine)  # what is read once and kept
    few = costs(fill(room, 3))
    many = costs(fill(room, 150, of="many"))
    assert many == few
