"""Issue a Badge on the row of a student: the dialog, what it claims and when, and what it refuses."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from badges.delivery import deliver
from badges.lifecycle import Move, move
from badges.models import IssuedBadge, IssuingAct
from badges.status import Status
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import REPEATABLE
from tests.rosters.test_roster import enroll, teacher_of
from tms.access import Role
from tms.models import Enrollment

pytestmark = pytest.mark.django_db


@pytest.fixture
def training_class(badge):
    return ClassFactory(course=CourseFactory(organization=badge.organization))


@pytest.fixture
def enrollment(training_class):
    return enroll(training_class, user__first_name="Zoë", user__last_name="Marchetti")


@pytest.fixture
def teacher(training_class, client):
    teacher = teacher_of(training_class)
    client.force_login(teacher)
    return teacher


def address(enrollment) -> str:
    return f"/enrollments/{enrollment.pk}/issue-a-badge/"


@pytest.fixture
def dialog(client, enrollment):
    """`dialog()` opens it, `dialog(act=…)` asks what has become of that."""

    def dialog(of=enrollment, **query):
        return client.get(address(of), query, headers={"HX-Request": "true"})

    return dialog


@pytest.fixture
def select(client, enrollment, dialog):
    """Choose a badge in the dialog and press its button."""

    def select(badge, of=enrollment, *, token=None, **fields):
        token = token or re.search(r'name="token"[^>]*value="([^"]+)"', words(dialog(of)))[1]
        sent = {"confirm": "yes", "chosen": badge.pk, "token": token, **fields}
        return client.post(address(of), sent, headers={"HX-Request": "true"})

    return select


def words(response) -> str:
    return response.content.decode()


def told(response) -> str:
    """What people read."""
    return " ".join(re.sub(r"<[^>]+>", " ", words(response)).split())


def watching(response) -> dict[str, str]:
    """What the dialog asks for when it asks again."""
    found = re.search(r'hx-get="[^"?]*\?act=(\d+)&amp;seen=([^"]+)"', words(response))
    return {"act": found[1], "seen": found[2]} if found else {}


def nothing_reached(sandbox) -> bool:
    deliver()
    return sandbox.badges() == [] and not IssuedBadge.objects.exists()


class TestTheDialog:
    def test_lists_the_badges_of_the_roster_with_its_filters(self, teacher, badge, dialog):
        BadgeFactory(name="Automatic only", organization=badge.organization, enable_manual_issuance=False)
        text = told(dialog())
        for part in ("Choose Badge", "(Select a Badge)", "Zoë Marchetti", badge.name, "1 Result Found"):
            assert part in text
        assert f"Belongs to {badge.organization}" in text
        assert "Is Enabled for Manual Issuance" in text
        assert "Automatic only" not in text

    def test_is_searched(self, client, teacher, badge, enrollment):
        BadgeFactory(name="Community Mentor", organization=badge.organization)
        found = client.post(address(enrollment), {"search": "mentor"}, headers={"HX-Request": "true"})
        assert "1 Result Found" in told(found)
        assert "Community Mentor" in told(found)

    @pytest.mark.parametrize(
        ("status", "shown"),
        [
            (Status.ISSUED, "Has it already"),
            (Status.SENDING, "On its way"),
            (Status.FAILED, "Failed before"),
            (Status.REVOKED, ""),
        ],
    )
    def test_tells_what_the_student_has_of_each(self, teacher, badge, enrollment, dialog, status, shown):
        IssuedBadgeFactory(badge=badge, learner=enrollment.user, status=status)
        text = told(dialog())
        assert [each for each in ("Has it already", "On its way", "Failed before") if each in text] == [
            each for each in [shown] if each
        ]

    def test_is_a_part_of_the_roster_and_no_page_of_its_own(self, client, teacher, enrollment):
        response = client.get(address(enrollment))
        assert response.status_code == 302
        assert response.url.endswith(f"/roster/#enrollment-{enrollment.pk}")


class TestWhatItClaims:
    def test_success_only_when_the_provider_has_the_badge(self, sandbox, teacher, badge, dialog, select):
        asked = select(badge)
        assert "Issuing…" in told(asked)
        assert "Successfully Issued Badge" not in told(asked)
        assert asked["HX-Retarget"] == "#choose-badge"
        again = watching(asked)
        assert dialog(**again).status_code == 204
        deliver()
        assert len(sandbox.badges()) == 1
        done = dialog(**again)
        assert "Successfully Issued Badge" in told(done)
        assert "data-closes-after" in words(done)
        assert watching(done) == {}
        assert done["HX-Trigger"] == "badges-changed"

    def test_a_failure_stays_with_the_providers_words(self, sandbox, teacher, badge, dialog, select):
        again = watching(select(badge))
        sandbox.order(status=422, times=1)
        deliver()
        row = IssuedBadge.objects.get()
        assert row.status != Status.ISSUED
        while row.status != Status.FAILED:  # what may be there is looked for before it is given up
            step = {
                Status.UNKNOWN: Status.FAILED,
                Status.QUEUED: Status.SENDING,
                Status.SENDING: Status.FAILED,
            }
            move(
                Move(
                    issued_badge_id=row.pk,
                    from_status=Status(row.status),
                    to_status=step[Status(row.status)],
                    changes={"provider_message": "Recipient email is blocked"},
                )
            )
            row.refresh_from_db()
        shown = dialog(**again)
        assert f"Badge: {badge} was not issued to Zoë Marchetti because of this error" in told(shown)
        assert "Recipient email is blocked" in told(shown)
        assert "(Select a Badge)" in told(shown)
        assert "data-closes-after" not in words(shown)
        assert watching(shown) == {}

    def test_after_twenty_seconds_nobody_is_asked_to_stay(self, sandbox, teacher, badge, dialog, select):
        asked = select(badge)
        assert 'hx-trigger="every 1s"' in words(asked)
        again = watching(asked)
        IssuingAct.objects.update(created_at=timezone.now() - timedelta(seconds=19))
        assert dialog(**again).status_code == 204
        IssuingAct.objects.update(created_at=timezone.now() - timedelta(seconds=21))
        late = dialog(**again)
        assert "Sending; you may leave" in told(late)
        assert "Successfully" not in told(late)
        assert watching(late)["seen"] != again["seen"]
        assert 'hx-trigger="every 10s"' in words(late)

    def test_what_is_held_is_told_at_once(self, sandbox, teacher, badge, dialog, select):
        again = watching(select(badge))
        row = IssuedBadge.objects.get()
        move(
            Move(
                issued_badge_id=row.pk,
                from_status=Status.QUEUED,
                to_status=Status.HELD,
                changes={"hold_reason": "the badge provider is paused"},
            )
        )
        answer = dialog(**again)
        assert 'hx-trigger="every 60s"' in words(answer)
        shown = told(answer)
        assert "Sending; you may leave" in shown
        assert "Waiting: the badge provider is paused" in shown

    def test_what_the_provider_had_already_is_told_in_its_words(
        self, sandbox, teacher, badge, dialog, select
    ):
        again = watching(select(badge))
        IssuedBadge.objects.update(
            status=Status.ISSUED, already_there="Recipient email already has this badge"
        )
        shown = dialog(**again)
        assert "It was there already. Recipient email already has this badge" in told(shown)
        assert "Successfully Issued Badge" not in told(shown)
        assert "data-closes-after" not in words(shown)

    def test_the_provider_gets_the_evidence_and_we_keep_the_note(
        self, sandbox, teacher, badge, training_class, select
    ):
        given = {
            "note": "Spoke about incident response.",
            "evidence_name": "Talk",
            "evidence_url": "https://example.org/talk",
        }
        select(badge, **given)
        row = IssuedBadge.objects.get()
        assert (row.reason, row.issued_by, row.source_kind, row.source_key) == (
            "Spoke about incident response.",
            teacher,
            "roster",
            str(training_class.pk),
        )
        assert [(item["name"], item["url"]) for item in row.evidence] == [
            ("Talk", "https://example.org/talk")
        ]

    def test_evidence_that_no_provider_takes_is_refused_and_the_list_stays(
        self, sandbox, teacher, badge, select
    ):
        response = select(badge, evidence_url="javascript:alert(1)")
        assert response["HX-Retarget"] == "#issuing-refused"
        assert "is not an address that starts with https://" in told(response)
        assert nothing_reached(sandbox)


class TestExactlyOnce:
    def test_two_clicks_are_one_act_and_one_badge(self, sandbox, teacher, badge, select):
        token = "11111111-2222-4333-8444-555555555555"
        first, second = select(badge, token=token), select(badge, token=token)
        assert watching(first) == watching(second)
        deliver()
        assert len(sandbox.badges()) == 1
        assert IssuingAct.objects.count() == 1

    def test_the_second_of_two_instructors_is_told_who_and_when(
        self, client, sandbox, training_class, teacher, badge, select
    ):
        select(badge)
        deliver()
        client.force_login(teacher_of(training_class, Role.CONTRACT_INSTRUCTOR))
        response = select(badge)
        assert response["HX-Retarget"] == "#issuing-refused"
        assert "This learner already has this badge: issued on" in told(response)
        assert str(teacher) in told(response)
        assert 'id="issuing-token"' in words(response)
        deliver()
        assert len(sandbox.badges()) == 1

    def test_after_a_refusal_another_badge_can_be_chosen_at_once(self, sandbox, teacher, badge, select):
        other = BadgeFactory(
            organization=badge.organization, badge_provider=badge.badge_provider, template_id=REPEATABLE
        )
        select(badge)
        token = re.search(r'value="([^"]+)" hx-swap-oob', re.sub(r"\s+", " ", words(select(badge))))[1]
        assert "Issuing…" in told(select(other, token=token))

    def test_a_token_that_is_none_is_as_good_as_a_new_one(self, sandbox, teacher, badge, select):
        assert "Issuing…" in told(select(badge, token="nonsense"))

    def test_without_the_dialog_the_page_tells(self, client, sandbox, teacher, badge, enrollment):
        sent = {"confirm": "yes", "chosen": badge.pk}
        page = told(client.post(address(enrollment), sent, follow=True))
        assert "Waiting" in page
        page = told(client.post(address(enrollment), sent, follow=True))
        assert "already on its way" in page
        assert IssuedBadge.objects.count() == 1


class TestForgedRequests:
    """Whatever is sent, the rule that draws the page decides, and nothing reaches the provider."""

    @pytest.mark.parametrize("status", sorted(set(Enrollment.Status) - {"enrolled", "audit"}))
    def test_for_somebody_who_does_not_take_part(
        self, sandbox, teacher, badge, training_class, select, status
    ):
        of = enroll(training_class, status=status)
        assert "Only students who are Enrolled or Audit in this class" in told(select(badge, of))
        assert nothing_reached(sandbox)

    def test_for_a_student_of_another_organization_by_an_organization_instructor(
        self, client, sandbox, training_class, teacher, badge, select
    ):
        guest = enroll(training_class, user__organization=OrganizationFactory())
        sent = {"confirm": "yes", "chosen": badge.pk}
        for method in (client.get, client.post):
            assert method(address(guest), sent).status_code == 404
        assert nothing_reached(sandbox)
        client.force_login(teacher_of(training_class, Role.CONTRACT_INSTRUCTOR))
        assert "Issuing…" in told(select(badge, guest))
        deliver()
        assert [there["recipient_email"] for there in sandbox.badges()] == [guest.user.email]

    @pytest.mark.parametrize("who", ["another teacher", "another administrator", "the student", "a child's"])
    def test_by_somebody_without_business_in_the_class(self, client, sandbox, badge, enrollment, who):
        person = {
            "another teacher": lambda: teacher_of(ClassFactory(course=enrollment.training_class.course)),
            "another administrator": AdministratorFactory,
            "the student": lambda: enrollment.user,
            "a child's": lambda: AdministratorFactory(
                organization=OrganizationFactory(parent=badge.organization)
            ),
        }[who]()
        client.force_login(person)
        sent = {"confirm": "yes", "chosen": badge.pk}
        assert client.post(address(enrollment), sent).status_code == 404
        assert nothing_reached(sandbox)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"enable_manual_issuance": False}, "This badge is not set up to be issued by hand."),
            ({"is_active": False}, "This badge is not active."),
            ({"badge_provider__is_enabled": False}, "The badge provider of this badge is disabled."),
        ],
    )
    @pytest.mark.parametrize("role", [None, Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR])
    def test_of_a_badge_that_cannot_be_issued_by_hand(
        self, client, sandbox, training_class, badge, select, given, words, role
    ):
        person = (
            teacher_of(training_class, role)
            if role
            else AdministratorFactory(organization=badge.organization)
        )
        client.force_login(person)
        other = BadgeFactory(organization=badge.organization, **given)
        assert words in told(select(other))
        assert nothing_reached(sandbox)

    @pytest.mark.parametrize("role", [None, Role.INSTRUCTOR, Role.CONTRACT_INSTRUCTOR])
    @pytest.mark.parametrize("place", ["child", "parent", "elsewhere"])
    def test_of_a_badge_of_another_organization(
        self, client, sandbox, training_class, badge, select, role, place
    ):
        parent = OrganizationFactory()
        training_class.organization.parent = parent
        training_class.organization.save()
        person = (
            teacher_of(training_class, role)
            if role
            else AdministratorFactory(organization=badge.organization)
        )
        client.force_login(person)
        organization = {
            "child": lambda: OrganizationFactory(parent=badge.organization),
            "parent": lambda: parent,
            "elsewhere": OrganizationFactory,
        }[place]()
        other = BadgeFactory(organization=organization, badge_provider=badge.badge_provider)
        other.available_to.add(badge.organization)
        assert "Choose one of the badges that are listed." in told(select(other))
        assert nothing_reached(sandbox)

    def test_of_nothing_at_all(self, client, sandbox, teacher, enrollment):
        for chosen in ("", "x", "²", str(9**30)):
            sent = {"confirm": "yes", "chosen": chosen}
            response = client.post(address(enrollment), sent, headers={"HX-Request": "true"})
            assert "Choose one of the badges that are listed." in told(response)
        assert nothing_reached(sandbox)

    def test_an_act_of_somebody_else_or_elsewhere_is_not_found(
        self, client, sandbox, training_class, teacher, badge, dialog, select
    ):
        act = watching(select(badge))["act"]
        other = enroll(training_class)
        assert "Choose Badge" in told(dialog(other, act=act))
        assert badge.name not in told(dialog(other, act=act)).partition("Badge Provider")[0]
        client.force_login(teacher_of(training_class))
        assert dialog(act=act).status_code == 404
        assert dialog(act="x").status_code == 404


class TestTheTrophy:
    def trophies(self, client, training_class) -> set[int]:
        page = client.get(f"/classes/{training_class.pk}/roster/").content.decode()
        return {int(pk) for pk in re.findall(r'hx-get="/enrollments/(\d+)/issue-a-badge/"', page)}

    def test_is_on_the_rows_of_the_enrolled_and_of_auditors(self, client, teacher, training_class):
        rows = {status: enroll(training_class, status=status) for status in Enrollment.Status}
        assert self.trophies(client, training_class) == {rows["enrolled"].pk, rows["audit"].pk}

    @pytest.mark.parametrize(
        "change",
        [{"enable_manual_issuance": False}, {"is_active": False}, {"badge_provider__is_enabled": False}],
    )
    def test_is_not_there_without_a_badge_to_issue(
        self, client, teacher, training_class, enrollment, badge, change
    ):
        assert self.trophies(client, training_class) == {enrollment.pk}
        if "badge_provider__is_enabled" in change:
            badge.badge_provider.is_enabled = False
            badge.badge_provider.save()
        else:
            type(badge).objects.update(**change)
        assert self.trophies(client, training_class) == set()

    def test_is_not_there_in_a_class_that_does_not_take_place(
        self, client, teacher, training_class, enrollment
    ):
        type(training_class).objects.update(status="cancelled")
        assert self.trophies(client, training_class) == set()


def test_opening_and_watching_take_a_number_of_queries_that_does_not_grow(
    sandbox, teacher, badge, dialog, select, django_assert_max_num_queries
):
    again = watching(select(badge))
    for number in range(30):
        BadgeFactory(
            name=f"Badge {number}", organization=badge.organization, badge_provider=badge.badge_provider
        )
    with django_assert_max_num_queries(16):
        assert "31 Results Found" in told(dialog())
    with django_assert_max_num_queries(9):
        dialog(**again)


def test_everybody_else_is_unknown(client, enrollment):
    client.force_login(UserFactory())
    assert client.get(address(enrollment)).status_code == 404
    assert client.get(address(EnrollmentFactory())).status_code == 404
