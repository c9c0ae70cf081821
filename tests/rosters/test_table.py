"""The roster of a class as a page: counters, filters, columns, order, saving and export."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import (
    ActivityResultFactory,
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseActivityFactory,
    CourseSectionFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.rosters.test_roster import enroll, teacher_of
from tms import progress
from tms.access import Role
from tms.csv_file import harmless
from tms.models import Enrollment, LearningRecord, ProgressChange

pytestmark = pytest.mark.django_db


@pytest.fixture
def training_class():
    return ClassFactory(minimum=4, maximum=12)


@pytest.fixture
def administrator(training_class, client):
    administrator = AdministratorFactory(organization=training_class.organization)
    client.force_login(administrator)
    return administrator


@pytest.fixture
def students(training_class):
    """last name → enrolment; one for each status, and one of another organization."""
    found = {
        status.label: enroll(training_class, user__last_name=status.label, status=status)
        for status in Enrollment.Status
    }
    found["Guest"] = enroll(
        training_class, user__last_name="Guest", user__organization=OrganizationFactory(name="Guests")
    )
    return found


@pytest.fixture
def ask(client, training_class):
    def ask(query: str = "", part: str = ""):
        return client.get(f"/classes/{training_class.pk}/roster/{part}{query}")

    return ask


def listed(response) -> list[str]:
    return [row.student.last_name for row in response.context["table"].rows]


def cells(response, label: str) -> list[str]:
    found = re.findall(rf'data-label="{label}"[^>]*>(.*?)</td>', response.content.decode(), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in found]


def headers(response) -> list[str]:
    return [str(header.label) for header in response.context["table"].found.headers]


class TestCounters:
    def test_nine_of_them_count_what_the_viewer_sees(self, client, administrator, students, ask):
        labels = ["Minimum", "Maximum", "Enrolled", "Requested", "Cancelled", "Wait-Listed"]
        labels += ["Approved", "Denied", "Audit"]
        shown = [(str(label), number) for label, number in ask().context["counters"]]
        assert shown == list(zip(labels, [4, 12, 2, 1, 1, 1, 1, 1, 1], strict=True))

    def test_an_organization_instructor_counts_colleagues_and_is_told_so(
        self, client, training_class, students, ask
    ):
        client.force_login(teacher_of(training_class))
        response = ask()
        assert dict(response.context["counters"])["Enrolled"] == 1
        assert "Guest" not in listed(response)
        assert "You see the students of" in response.content.decode()
        client.force_login(teacher_of(training_class, Role.CONTRACT_INSTRUCTOR))
        response = ask()
        assert dict(response.context["counters"])["Enrolled"] == 2
        assert "Guest" in listed(response)
        assert "You see the students of" not in response.content.decode()


class TestFilters:
    def test_all_and_all_but_cancelled_and_each_status(self, administrator, students, ask):
        assert len(listed(ask())) == 8
        assert set(students) - set(listed(ask("?enrollment=all_but_cancelled"))) == {"Cancelled"}
        assert listed(ask("?enrollment=audit")) == ["Audit"]
        assert listed(ask("?enrollment=enrolled")) == ["Enrolled", "Guest"]
        assert len(listed(ask("?enrollment=nonsense&completion=nonsense"))) == 8

    def test_by_completion_status_among_the_enrolled(self, administrator, students, ask):
        progress.set_completion_status(students["Guest"], "failed")
        assert listed(ask("?completion=failed")) == ["Guest"]
        assert listed(ask("?completion=unknown")) == ["Enrolled"]

    def test_nothing_found_is_told(self, administrator, students, ask):
        assert "No student matches these filters." in ask("?completion=no_show").content.decode()


class TestColumns:
    def test_completion_is_there_once_the_class_has_begun(self, administrator, students, training_class, ask):
        assert headers(ask()) == ["Student", "Organization", "Enrollment", "Completion", "Badges"]
        training_class.starts_at = timezone.now() + timedelta(days=1)
        training_class.ends_at = timezone.now() + timedelta(days=2)
        training_class.save()
        assert headers(ask()) == ["Student", "Organization", "Enrollment", "Badges"]
        assert "Save Changes" not in ask().content.decode()

    def test_percent_complete_is_there_once_somebody_has_finished_something(
        self, administrator, students, training_class, ask
    ):
        section = CourseSectionFactory(course=training_class.course)
        lessons = [CourseActivityFactory(section=section, is_required=True) for _ in range(4)]
        assert "PercentComplete" not in headers(ask())
        ActivityResultFactory(
            course_activity=lessons[0],
            course_assignment=None,
            enrollment=students["Guest"],
            completed_at=timezone.now(),
        )
        response = ask()
        assert "PercentComplete" in headers(response)
        assert dict(zip(listed(response), cells(response, "PercentComplete"), strict=True))["Guest"] == "25%"

    def test_those_that_are_chosen_stay_chosen_and_the_student_always_shows(
        self, administrator, students, ask
    ):
        chosen = ask("?columns_chosen=1&column=email&column=badges&column=nonsense")
        assert headers(chosen) == ["Student", "E-mail", "Badges"]
        assert students["Guest"].user.email in chosen.content.decode()
        assert headers(ask()) == ["Student", "E-mail", "Badges"]
        assert headers(ask("?columns_chosen=1")) == ["Student"]


class TestOrder:
    def test_by_name_both_ways_and_by_other_columns(self, administrator, students, ask):
        by_name = sorted(students)
        assert listed(ask()) == by_name
        assert listed(ask("?sort=-student")) == by_name[::-1]
        assert listed(ask("?sort=organization"))[-1] in {*students}
        assert listed(ask("?sort=badges")) == by_name
        assert listed(ask("?sort=-enrollment"))[0] == "Wait-Listed"

    def test_a_large_class_has_pages(self, administrator, training_class, ask):
        for number in range(51):
            enroll(training_class, user__last_name=f"Student {number:02}")
        assert len(listed(ask())) == 50
        assert listed(ask("?page=2")) == ["Student 50"]
        assert "51 students" in ask("?page=2").content.decode()


class TestSaving:
    def post(self, client, training_class, **chosen):
        """`enrolment_ID=(seen, chosen)`"""
        sent = {}
        for name, (seen, choice) in chosen.items():
            pk = name.rpartition("_")[2]
            sent |= {f"seen-{pk}": seen, f"completion-{pk}": choice}
        return client.post(f"/classes/{training_class.pk}/roster/?enrollment=enrolled", sent)

    def test_what_was_changed_is_stored_and_feeds_the_rules(
        self, client, administrator, training_class, students
    ):
        ProgressChange.objects.all().delete()
        enrolled, guest = students["Enrolled"], students["Guest"]
        response = self.post(
            client,
            training_class,
            **{f"e_{enrolled.pk}": ("unknown", "complete"), f"e_{guest.pk}": ("unknown", "unknown")},
        )
        assert (response.status_code, response.url[-20:]) == (302, "?enrollment=enrolled")
        enrolled.refresh_from_db()
        assert enrolled.completion_status == "complete"
        assert enrolled.user.learning_records.get(source_kind=LearningRecord.Source.ENROLLMENT).completed_at
        told = ProgressChange.objects.exclude(learner=administrator).values_list("learner", flat=True)
        assert list(told) == [enrolled.user_id]
        page = client.get(response.url).content.decode()
        assert "1 completion status was saved." in page

    def test_who_comes_second_is_told_and_loses_nothing(
        self, client, administrator, training_class, students
    ):
        enrolled, guest = students["Enrolled"], students["Guest"]
        progress.set_completion_status(enrolled, "no_show")
        response = self.post(
            client,
            training_class,
            **{f"e_{enrolled.pk}": ("unknown", "complete"), f"e_{guest.pk}": ("unknown", "failed")},
        )
        page = response.content.decode()
        assert "Somebody has set this to No Show meanwhile." in page
        assert "1 completion status was saved." in page
        field = re.search(rf'name="completion-{enrolled.pk}".*?</select>', page, re.DOTALL)[0]
        assert 'data-seen="no_show"' in field
        assert '<option value="complete" selected>' in field
        enrolled.refresh_from_db()
        guest.refresh_from_db()
        assert (enrolled.completion_status, guest.completion_status) == ("no_show", "failed")
        self.post(client, training_class, **{f"e_{enrolled.pk}": ("no_show", "complete")})
        enrolled.refresh_from_db()
        assert enrolled.completion_status == "complete"

    def test_only_the_enrolled_have_a_field(self, administrator, students, ask):
        fields = re.findall(r'name="completion-(\d+)"', ask().content.decode())
        assert {int(pk) for pk in fields} == {students["Enrolled"].pk, students["Guest"].pk}

    @pytest.mark.parametrize("who", ["Audit", "Cancelled"])
    def test_a_forged_completion_of_somebody_not_enrolled_is_refused(
        self, client, administrator, training_class, students, who
    ):
        response = self.post(client, training_class, **{f"e_{students[who].pk}": ("unknown", "complete")})
        assert "1 completion status was not saved." in response.content.decode()
        students[who].refresh_from_db()
        assert students[who].completion_status == "unknown"

    def test_a_forged_completion_of_somebody_out_of_sight_changes_nothing(
        self, client, training_class, students
    ):
        client.force_login(teacher_of(training_class))
        elsewhere = EnrollmentFactory()
        for enrollment in (students["Guest"], elsewhere):
            self.post(client, training_class, **{f"e_{enrollment.pk}": ("unknown", "complete")})
            enrollment.refresh_from_db()
            assert enrollment.completion_status == "unknown"
        assert self.post(client, elsewhere.training_class).status_code == 404

    def test_fields_that_are_no_numbers_are_as_if_they_were_not_there(self, client, administrator, students):
        training_class = students["Guest"].training_class
        sent = {"completion-x": "complete", "completion-²": "complete", f"completion-{9**30}": "complete"}
        assert client.post(f"/classes/{training_class.pk}/roster/", sent).status_code == 302


class TestBadgesOnTheRow:
    def hold(self, students, who="Enrolled", name="Guest Speaker", **fields):
        organization = students[who].training_class.organization
        badge = BadgeFactory(name=name, organization=organization)
        return IssuedBadgeFactory(badge=badge, learner=students[who].user, **fields)

    def shown(self, response) -> dict[str, str]:
        return dict(zip(listed(response), cells(response, "Badges"), strict=True))

    def test_what_a_student_has_and_what_is_under_way(self, administrator, students, ask):
        teacher = UserFactory(first_name="Grace", last_name="Hopper")
        self.hold(students, status=Status.ISSUED, external_state="pending", issued_by=teacher)
        self.hold(students, name="Mentor", status=Status.SENDING, source_kind="achievement")
        self.hold(students, "Guest", status=Status.FAILED, provider_message="Recipient is on vacation.")
        shown = self.shown(ask())
        assert shown["Enrolled"].startswith("M Mentor Sending Earned by an achievement")
        assert "Issued – pending acceptance · Issued by Grace Hopper" in shown["Enrolled"]
        assert "Failed Recipient is on vacation." in shown["Guest"]
        assert shown["Audit"] == ""

    @pytest.mark.parametrize("status", [Status.CANCELLED, Status.REVOKED, Status.EXPIRED, Status.REMOVED])
    def test_what_a_student_no_longer_has_is_not_shown(self, administrator, students, ask, status):
        self.hold(students, status=status)
        assert self.shown(ask())["Enrolled"] == ""

    def test_badges_of_other_organizations_are_nobody_elses_business(self, administrator, students, ask):
        child = OrganizationFactory(parent=administrator.organization)
        for organization in (child, OrganizationFactory()):
            IssuedBadgeFactory(
                badge=BadgeFactory(organization=organization),
                learner=students["Enrolled"].user,
                status=Status.ISSUED,
            )
        assert self.shown(ask())["Enrolled"] == ""

    def test_a_note_is_read_by_who_wrote_it_and_by_administrators_alone(
        self, client, administrator, training_class, students, ask
    ):
        author, colleague = (teacher_of(training_class) for _ in range(2))
        badge = BadgeFactory(organization=training_class.organization)
        learner = students["Enrolled"].user
        IssuedBadgeFactory(badge=badge, learner=learner, reason="Between us", issued_by=author)
        for person, reads in ((administrator, True), (author, True), (colleague, False)):
            client.force_login(person)
            for part in ("", f"badges/?rows={students['Enrolled'].pk}"):
                html = ask(part=part).content.decode()
                assert badge.name in html
                assert ("Between us" in html) == reads

    def test_the_page_watches_only_while_something_is_under_way(self, administrator, students, ask):
        issued = self.hold(students, status=Status.ISSUED)
        assert "every 2s" not in ask().content.decode()
        IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.SENDING)
        assert "every 2s" in ask().content.decode()

    def test_the_watch_answers_with_what_has_changed(self, administrator, students, ask):
        issued = self.hold(students, status=Status.SENDING)
        url = re.search(r'hx-get="[^"?]*roster/badges/([^"]+)"', ask().content.decode())[1]
        query = url.replace("&amp;", "&")
        assert ask(query, "badges/").status_code == 204
        IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.ISSUED)
        news = ask(query, "badges/").content.decode()
        assert f'id="held-{students["Enrolled"].pk}" hx-swap-oob="true"' in news
        assert "Issued" in news
        assert "every 2s" not in news

    def test_the_watch_tells_of_nobody_out_of_sight(self, client, training_class, students, ask):
        self.hold(students, "Guest", status=Status.SENDING)
        client.force_login(teacher_of(training_class))
        news = ask(
            f"?rows={students['Guest'].pk},{students['Enrolled'].pk},x,{9**30}", "badges/"
        ).content.decode()
        assert f"held-{students['Enrolled'].pk}" in news
        assert "Guest Speaker" not in news

    def test_the_number_of_queries_does_not_grow(self, administrator, training_class, students, ask):
        watch = "?rows=" + ",".join(str(enrollment.pk) for enrollment in students.values())
        counts = []
        for _ in range(2):
            self.hold(students, status=Status.SENDING, name=f"Badge {len(counts)}")
            for query, part in (("", ""), (watch, "badges/"), ("", "export/")):
                b"".join(ask(query, part))
                with CaptureQueriesContext(connection) as queries:
                    b"".join(ask(query, part))
                counts.append(len(queries))
            for status in Enrollment.Status:
                one = enroll(training_class, status=status)
                self.hold({"Enrolled": one}, status=Status.SENDING)
                watch += f",{one.pk}"
        assert counts[:3] == counts[3:]
        assert max(counts) < 25


class TestExport:
    def table(self, response) -> list[list[str]]:
        text = b"".join(response.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))

    def test_it_holds_the_columns_and_rows_that_are_shown_of_all_pages(self, administrator, students, ask):
        badge = BadgeFactory(name="Guest Speaker", organization=administrator.organization)
        IssuedBadgeFactory(badge=badge, learner=students["Guest"].user, status=Status.ISSUED)
        response = ask("?enrollment=enrolled&sort=-student", "export/")
        assert response.streaming
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert self.table(response) == [
            ["Student", "Organization", "Enrollment", "Completion", "Badges"],
            ["Ada Guest", "Guests", "Enrolled", "Unknown", "Guest Speaker (Issued)"],
            ["Ada Enrolled", administrator.organization.name, "Enrolled", "Unknown", ""],
        ]
        ask("?columns_chosen=1&column=email")
        assert self.table(ask("?enrollment=audit", "export/")) == [
            ["Student", "E-mail"],
            ["Ada Audit", students["Audit"].user.email],
        ]

    def test_its_days_are_those_of_the_page(self, administrator, students, ask):
        type(administrator).objects.filter(pk=administrator.pk).update(time_zone="America/Los_Angeles")
        Enrollment.objects.update(enrolled_at=datetime(2026, 3, 2, 5, tzinfo=UTC))
        asked = "?enrollment=audit&columns_chosen=1&column=enrolled"
        assert cells(ask(asked), "Enrolled on") == ["March 1, 2026"]
        assert [row[1] for row in self.table(ask(asked, "export/"))] == ["Enrolled on", "March 1, 2026"]

    @pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_cell_is_taken_for_a_formula(self, administrator, training_class, ask, begin):
        assert harmless(f"{begin}1+1") == f"'{begin}1+1"
        assert harmless("Ada = 1") == "Ada = 1"
        enroll(training_class, user__first_name="=HYPERLINK(1)", user__last_name="")
        assert self.table(ask("", "export/"))[1][0] == "'=HYPERLINK(1)"

    def test_it_holds_nobody_out_of_sight(self, client, training_class, students, ask):
        client.force_login(teacher_of(training_class))
        assert "Guest" not in str(self.table(ask("", "export/")))
