"""The demo folder: within its contract, like a year of real people, and a good first impression."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from config.demo.generator import GROUPS, LOGINS, TEMPLATES, sandbox_templates, write_demo

TODAY = date(2026, 6, 17)
SANDBOX = "http://127.0.0.1:8001/v1"

Row = dict[str, str]
Folder = dict[str, list[Row]]

# The columns of the import's contract; those with a question mark may be left out.
CONTRACT = {
    "organizations": "external_id name parent? time_zone? enable_achievements? participate_in_global_achievements?",
    "users": "external_id email first_name last_name organization time_zone? participate_in_achievements? roles? is_disabled?",
    "course_tags": "id? external_id name organization",
    "labs": "id? external_id name organization is_exam?",
    "courses": "id? external_id name organization content_provider publishing_group tags? labs? achievements_for_outside_organizations?",
    "classes": "external_id name course organization starts_at ends_at status? minimum? maximum? instructors?",
    "enrollments": "external_id user class status completion_status? enrolled_at completed_at? subscription?",
    "course_assignments": "external_id user course started_at completed_at? expires_at? target_completion? status? subscription? from_on_demand?",
    "lab_instances": "external_id user lab course_assignment? enrollment? started_at completed_at? minutes? passed? score_percent? status?",
    "activities": "external_id user kind occurred_at course? other_user?",
    "badge_providers": "external_id name organization type provider_organization_id? api_url? token_env?",
    "badges": "external_id name organization badge_provider template_id description? enable_manual_issuance? is_active? name_de? description_de?",
    "achievements": "id? external_id name description? organization category? points frequency? frequency_type? badge? is_global? enabled? conditions name_de? description_de?",
}
REFERENCES = {
    "parent": "organizations",
    "organization": "organizations",
    "course": "courses",
    "class": "classes",
    "user": "users",
    "other_user": "users",
    "instructors": "users",
    "lab": "labs",
    "labs": "labs",
    "tags": "course_tags",
    "course_assignment": "course_assignments",
    "enrollment": "enrollments",
    "badge_provider": "badge_providers",
    "badge": "badges",
}
DOCUMENTED_EXAMPLES = [
    "[{Subject:0, Count:1}]",
    "[{Subject:0, Count:2, LabProfileIds:[12345,23456], Distinct:True}]",
    "[{Subject:0, LabProfileIds:[98765], Count:1, Complete:True}]",
    "[{Subject:10, Count:1, CourseIds:[2345], Complete:True}]",
    "[{Subject:20, Count:3, CourseTagIds:[59], Complete:True}]",
    "[ {Subject:20, Count:4, CourseIds:[ 1583,1584,1585,1586], Complete:True}, {Subject:0, LabProfileIds:[54671], Count:1, Passed:True} ]",
    "[{Subject:40, Points:500}]",
    "[{Subject:0,Count:2}]",
    "[{Subject:0,Count:2,Distinct:true}]",
    "[{Subject:0,Count:3,SingleDay:True}]",
    "[{Subject:0,LabProfileIds:[12345],Complete:True}]",
    "[{Subject:0,LabProfileIds:[13578],Passed:True}]",
    "[{Subject:40,Points:100}]",
    "[ { Subject:0, Count:1, Passed:true, LabProfileIds:[12345] } ]",
    "[ { Subject:0, Count:1, Complete:true, Distinct:true, LabProfileIds: [11223,11224] }, { Subject:0, Count:1, Passed:true, LabProfileIds: [12345] } ]",
]


def read(folder: Path) -> Folder:
    read_files = {}
    for path in sorted(folder.iterdir()):
        with path.open(encoding="utf-8", newline="") as file:
            read_files[path.stem] = list(csv.DictReader(file))
    return read_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    write_demo(path, today=TODAY, sandbox_url=SANDBOX)
    return path


@pytest.fixture(scope="module")
def demo(folder: Path) -> Folder:
    return read(folder)


def by_id(demo: Folder, name: str) -> dict[str, Row]:
    return {row["external_id"]: row for row in demo[name]}


def when(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None, text
    return moment


# The folder keeps the contract


def test_the_command_writes_what_the_function_writes(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "config.demo.generator", str(tmp_path), "--today", TODAY.isoformat()]
    said = subprocess.run(
        [*command, "--sandbox-url", SANDBOX],
        check=True,
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
    )
    assert str(tmp_path) in said.stdout
    assert read(tmp_path) == read(folder)


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "made" / "when-missing", today=TODAY, sandbox_url=SANDBOX)
    again = {path.name: path.read_bytes() for path in (tmp_path / "made" / "when-missing").iterdir()}
    assert again == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_another_seed_gives_other_people_in_the_same_house(demo: Folder, tmp_path: Path) -> None:
    write_demo(tmp_path, seed=7, today=TODAY, sandbox_url=SANDBOX)
    other = read(tmp_path)
    assert other["users"] != demo["users"]
    assert other["courses"] == demo["courses"]
    assert other["achievements"] == demo["achievements"]


def test_headers_are_columns_of_the_contract_in_its_order(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {f"{name}.csv" for name in CONTRACT}
    for name, columns in CONTRACT.items():
        header = (folder / f"{name}.csv").read_text(encoding="utf-8").split("\n", 1)[0].split(",")
        allowed = columns.split()
        assert header == [column.rstrip("?") for column in allowed if column.rstrip("?") in header]
        assert {column for column in allowed if not column.endswith("?")} <= set(header)


def test_every_reference_resolves(demo: Folder) -> None:
    for column, target in REFERENCES.items():
        known = set(by_id(demo, target))
        for name, rows in demo.items():
            used = {part for row in rows for part in row.get(column, "").split(";") if part}
            assert used <= known, (name, column)


def test_external_ids_and_given_numbers_are_unique(demo: Folder) -> None:
    for name, rows in demo.items():
        external_ids = [row["external_id"] for row in rows]
        numbers = [row["id"] for row in rows if row.get("id")]
        assert all(external_ids), name
        assert len(set(external_ids)) == len(external_ids), name
        assert len(set(numbers)) == len(numbers), name


def test_size(demo: Folder) -> None:
    assert len(demo["organizations"]) == 4
    assert len(demo["users"]) == 404
    assert len(demo["courses"]) == 40
    assert len(demo["labs"]) == 60
    assert len(demo["course_tags"]) == 12
    assert len(demo["classes"]) == 25
    assert 1_300 <= len(demo["course_assignments"]) <= 1_700
    assert 550 <= len(demo["enrollments"]) <= 680
    assert 6_000 <= len(demo["lab_instances"]) <= 9_000
    assert 3_000 <= len(demo["activities"]) <= 7_000


# Organizations and people


def test_three_organizations_form_a_tree_and_one_stands_outside(demo: Folder) -> None:
    parents = Counter(row["parent"] for row in demo["organizations"])
    roots = [row for row in demo["organizations"] if not row["parent"]]
    assert sorted(parents.values()) == [2, 2]
    outside = next(row for row in roots if row["external_id"] not in parents)
    assert all(row["enable_achievements"] == "true" for row in demo["organizations"])
    assert outside["participate_in_global_achievements"] == "false"


def test_one_login_for_each_role(demo: Folder) -> None:
    users = {row["email"]: row for row in demo["users"]}
    assert [(login.role, users[login.email]["roles"]) for login in LOGINS] == [
        ("Administrator", "administrator;global_achievements"),
        ("Instructor", "instructor"),
        ("Contract instructor", "contract_instructor"),
        ("Learner", ""),
    ]
    assert sum(bool(row["roles"]) for row in demo["users"]) == 3


def test_names_come_in_many_scripts_and_addresses_in_plain_latin(demo: Folder) -> None:
    scripts = {
        unicodedata.name(letter).split()[0]
        for row in demo["users"]
        for letter in row["first_name"] + row["last_name"]
        if letter.isalpha()
    }
    assert {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARABIC",
        "HEBREW",
        "CJK",
        "HANGUL",
        "DEVANAGARI",
        "THAI",
    } <= scripts
    assert any(
        not row["first_name"].isascii() and "LATIN" in unicodedata.name(row["first_name"][0])
        for row in demo["users"]
    )
    addresses = [row["email"] for row in demo["users"]]
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        assert re.fullmatch(r"[a-z0-9.-]+@(example\.(com|org|net)|[a-z]+\.example)", address)


def test_people_live_in_many_time_zones_that_exist(demo: Folder) -> None:
    zones = {row["time_zone"] for row in demo["users"] if row["time_zone"]}
    assert len(zones) > 30
    assert all(ZoneInfo(zone) for zone in zones)


# The year


def test_nothing_has_happened_later_than_today(demo: Folder) -> None:
    end_of_yesterday = datetime.combine(TODAY, time(), tzinfo=UTC)
    for name, columns in {
        "enrollments": ["enrolled_at", "completed_at"],
        "course_assignments": ["started_at", "completed_at"],
        "lab_instances": ["started_at", "completed_at"],
        "activities": ["occurred_at"],
    }.items():
        moments = [when(row[column]) for row in demo[name] for column in columns if row[column]]
        assert max(moments) < end_of_yesterday, name
        assert min(moments) > end_of_yesterday - timedelta(days=430), name


@pytest.mark.parametrize("today", [date(2026, 6, 15) + timedelta(days=days) for days in range(7)])
def test_on_every_day_of_the_week_classes_are_over_running_and_to_come(today: date, tmp_path: Path) -> None:
    write_demo(tmp_path, today=today, sandbox_url=SANDBOX)
    now = datetime.combine(today, time(12), tzinfo=UTC)
    stages: Counter[str] = Counter()
    for row in read(tmp_path)["classes"]:
        assert when(row["starts_at"]) < when(row["ends_at"])
        if when(row["ends_at"]) < now:
            stages["over"] += 1
            assert row["status"] in ("completed", "cancelled")
        else:
            stages["running" if when(row["starts_at"]) < now else "to come"] += 1
            assert row["status"] in ("scheduled", "guaranteed", "tentative", "requested")
    assert stages == {"over": 16, "running": 3, "to come": 6}


def test_classes_are_held_in_different_zones_by_both_kinds_of_instructor(demo: Folder) -> None:
    assert len({when(row["starts_at"]).utcoffset() for row in demo["classes"]}) > 6
    assert {"user-instructor", "user-contract-instructor"} <= {row["instructors"] for row in demo["classes"]}
    assert [row["status"] for row in demo["classes"]].count("cancelled") == 1


def test_all_statuses_occur_and_completion_only_for_enrolled(demo: Folder) -> None:
    enrollments = demo["enrollments"]
    statuses = {"requested", "cancelled", "wait_listed", "approved", "denied", "audit", "enrolled"}
    assert {row["status"] for row in enrollments} == statuses
    completions = {"unknown", "attending", "complete", "incomplete", "no_show", "failed"}
    assert {row["completion_status"] for row in enrollments} == completions
    for row in enrollments:
        assert row["status"] == "enrolled" or row["completion_status"] == "unknown"
        assert bool(row["completed_at"]) == (row["completion_status"] == "complete")
    assert {row["status"] for row in demo["lab_instances"]} == {
        "scheduled",
        "cancelled",
        "not_started",
        "incomplete",
        "complete",
        "storage_provisioning_failed",
        "lab_creation_failed",
        "resume_failed",
        "save_failed",
        "submitted_for_grading",
        "grading_in_progress",
    }


def test_classes_are_not_overbooked_and_nobody_is_enrolled_twice(demo: Folder) -> None:
    pairs = [(row["user"], row["class"]) for row in demo["enrollments"]]
    assert len(set(pairs)) == len(pairs)
    enrolled = Counter(row["class"] for row in demo["enrollments"] if row["status"] == "enrolled")
    for row in demo["classes"]:
        assert 0 < enrolled[row["external_id"]] <= int(row["maximum"])


def test_assignments_are_active_cancelled_expired_and_completed_late(demo: Folder) -> None:
    now = datetime.combine(TODAY, time(), tzinfo=UTC)
    launched = {row["course_assignment"] for row in demo["lab_instances"]}
    kinds: Counter[str] = Counter()
    for row in demo["course_assignments"]:
        completed = when(row["completed_at"]) if row["completed_at"] else None
        if completed:
            kinds["late" if completed > when(row["expires_at"]) else "completed"] += 1
            assert row["status"] == "active"
            assert completed > when(row["started_at"])
        elif row["status"] == "cancelled":
            kinds["cancelled"] += 1
            assert row["external_id"] not in launched
        else:
            kinds["expired" if when(row["expires_at"]) < now else "active"] += 1
    assert min(kinds[kind] for kind in ("late", "completed", "cancelled", "expired", "active")) >= 10, kinds
    assert kinds["completed"] > kinds["expired"]


def test_only_exams_have_results_and_only_completed_launches_a_completion(demo: Folder) -> None:
    labs = by_id(demo, "labs")
    for row in demo["lab_instances"]:
        assert bool(row["completed_at"]) == (row["status"] == "complete"), row
        examined = labs[row["lab"]]["is_exam"] == "true" and row["status"] == "complete"
        assert bool(row["score_percent"]) == bool(row["passed"]) == examined, row
        assert not (row["course_assignment"] and row["enrollment"])
    results = Counter(row["passed"] for row in demo["lab_instances"])
    assert results["true"] > results["false"] > 50


def test_labs_are_taken_by_those_who_were_given_them(demo: Folder) -> None:
    courses, classes = by_id(demo, "courses"), by_id(demo, "classes")
    assignments, enrollments = by_id(demo, "course_assignments"), by_id(demo, "enrollments")
    for row in demo["lab_instances"]:
        if row["course_assignment"]:
            through = assignments[row["course_assignment"]]
            course = courses[through["course"]]
        elif row["enrollment"]:
            through = enrollments[row["enrollment"]]
            course = courses[classes[through["class"]]["course"]]
            assert through["status"] in ("enrolled", "audit")
        else:
            continue
        assert through["user"] == row["user"]
        assert row["lab"] in course["labs"].split(";")


def test_nobody_is_in_two_labs_at_once(demo: Folder) -> None:
    sessions: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in demo["lab_instances"]:
        if row["completed_at"]:
            sessions[row["user"]].append((when(row["started_at"]), when(row["completed_at"])))
    for taken in sessions.values():
        taken.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(taken))


def test_activity_is_uneven_and_keeps_human_hours(demo: Folder) -> None:
    launches = Counter(row["user"] for row in demo["lab_instances"])
    most = [count for _user, count in launches.most_common()]
    assert 30 <= 404 - len(most) <= 120, "some never began"
    assert sum(most[:40]) > sum(most[-160:]), "the keenest tenth does more than the lower half"
    own_hours = [when(row["started_at"]).hour for row in demo["lab_instances"] if not row["enrollment"]]
    assert min(own_hours) >= 6
    weekdays = Counter(when(row["started_at"]).weekday() for row in demo["lab_instances"])
    assert weekdays[5] + weekdays[6] < weekdays[2]


# Badges and achievements


def test_the_documented_examples_stand_verbatim_and_their_numbers_exist(demo: Folder) -> None:
    texts = [row["conditions"] for row in demo["achievements"]]
    assert texts[: len(DOCUMENTED_EXAMPLES)] == DOCUMENTED_EXAMPLES
    numbers = {name: {row["id"] for row in demo[name]} for name in ("labs", "courses", "course_tags")}
    keys = {"LabProfileIds": "labs", "CourseIds": "courses", "CourseTagIds": "course_tags"}
    for key, ids in re.findall(r"(\w+Ids):\s*\[([^\]]*)\]", " ".join(texts)):
        assert {number.strip() for number in ids.split(",")} <= numbers[keys[key]]


def test_achievements_are_varied(demo: Folder) -> None:
    rows = demo["achievements"]
    assert {row["category"] for row in rows} == {"Profile", "Courses", "Community", "Engagement"}
    assert {(row["frequency"], row["frequency_type"]) for row in rows} == {("1", "per_user")}
    assert any(row["is_global"] == "true" for row in rows)
    assert any(row["enabled"] == "false" for row in rows)
    links = Counter(row["badge"] for row in rows if row["badge"])
    assert len(rows) / 3 < links.total() < len(rows)
    assert max(links.values()) == 2


def test_badges_name_templates_that_the_sandbox_is_told_of(demo: Folder) -> None:
    providers = by_id(demo, "badge_providers")
    assert {(row["type"], row["api_url"], row["token_env"]) for row in providers.values()} == {
        ("credly", SANDBOX, "DEMO_PROVIDER_TOKEN"),
        ("accredible", SANDBOX, "DEMO_PROVIDER_TOKEN"),
    }
    templates = {template["id"]: template for template in sandbox_templates()}
    assert {row["template_id"]: (row["name"], row["description"]) for row in demo["badges"]} == {
        template["id"]: (template["name"], template["description"]) for template in (*TEMPLATES, *GROUPS)
    }
    for row in demo["badges"]:
        provider, template = providers[row["badge_provider"]], templates[row["template_id"]]
        if provider["type"] == "credly":
            assert str(UUID(row["template_id"])) == row["template_id"]
            assert (template["state"] == "active") == (row["is_active"] == "true")
        else:
            assert row["template_id"].isdecimal()
            assert template["provider"] == "accredible"
        assert template["organization_id"] == provider["provider_organization_id"]
        assert row["organization"] == provider["organization"]
    assert [template.get("state") for template in templates.values()].count("archived") == 1
    for provider in providers:
        ours = [row for row in demo["badges"] if row["badge_provider"] == provider]
        assert {row["enable_manual_issuance"] for row in ours} == {"true", "false"}


def test_whoever_reacts_or_is_helped_is_somebody_else(demo: Folder) -> None:
    kinds = Counter(row["kind"] for row in demo["activities"])
    assert set(kinds) == {
        "lesson_completed",
        "module_completed",
        "post_published",
        "comment_added",
        "reaction_received",
        "learner_helped",
    }
    for row in demo["activities"]:
        involves = row["kind"] in {"reaction_received", "learner_helped"}
        assert bool(row["other_user"]) == involves
        assert row["other_user"] != row["user"]
        assert bool(row["course"]) == (row["kind"] in {"lesson_completed", "module_completed"})


@pytest.mark.parametrize("today", [date(2026, 6, 15) + timedelta(days=days) for days in range(7)])
def test_her_streak_waits_for_its_seventh_day_whatever_day_it_is(today: date, tmp_path: Path) -> None:
    write_demo(tmp_path, today=today, sandbox_url=SANDBOX)
    days = days_there(read(tmp_path))["user-learner"]
    assert 4 <= longest_run(days) < 7


# A rough count of what comes out, for this demo only: it knows just the keys that the examples use.

NEVER_LAUNCHED = {
    "scheduled",
    "cancelled",
    "not_started",
    "storage_provisioning_failed",
    "lab_creation_failed",
}


def conditions(text: str) -> list[dict[str, object]]:
    strict = re.sub(r"(\w+):", r'"\1":', text).replace("True", "true")
    parsed: list[dict[str, object]] = json.loads(strict)
    return parsed


def labs_launched(demo: Folder) -> dict[str, list[dict[str, object]]]:
    numbers = {row["external_id"]: row["id"] or row["external_id"] for row in demo["labs"]}
    found = defaultdict(list)
    for row in demo["lab_instances"]:
        if row["status"] not in NEVER_LAUNCHED:
            found[row["user"]].append(
                {
                    "id": numbers[row["lab"]],
                    "Complete": bool(row["completed_at"]),
                    "Passed": row["passed"] == "true",
                    "day": row["started_at"][:10],
                }
            )
    return found


def days_there(demo: Folder) -> dict[str, set[date]]:
    """Whoever launches something is here, on a day of the person's own."""
    found = defaultdict(set)
    for row in demo["lab_instances"]:
        if row["status"] not in NEVER_LAUNCHED:
            found[row["user"]].add(when(row["started_at"]).date())
    return found


def longest_run(days: set[date]) -> int:
    runs = Counter(day - timedelta(days=place) for place, day in enumerate(sorted(days)))
    return max(runs.values(), default=0)


def courses_completed(demo: Folder) -> dict[str, list[Row]]:
    courses = by_id(demo, "courses")
    classes = {row["external_id"]: row for row in demo["classes"] if row["status"] != "cancelled"}
    found = defaultdict(list)
    for row in demo["course_assignments"]:
        if row["completed_at"] and when(row["completed_at"]) <= when(row["expires_at"]):
            found[row["user"]].append(courses[row["course"]])
    for row in demo["enrollments"]:
        if row["completion_status"] == "complete":
            found[row["user"]].append(courses[classes[row["class"]]["course"]])
    return found


class Count:
    """Which achievements each user has earned, as external ids."""

    def __init__(self, demo: Folder) -> None:
        self.organizations = by_id(demo, "organizations")
        self.labs, self.courses = labs_launched(demo), courses_completed(demo)
        self.days, self.activities = days_there(demo), defaultdict(list)
        for row in demo["activities"]:
            self.activities[row["user"]].append(row)
        tags = by_id(demo, "course_tags")
        self.tag_numbers = {key: int(row["id"] or 0) for key, row in tags.items()}
        self.achievements = [row for row in demo["achievements"] if row["enabled"] == "true"]
        self.earned = {row["external_id"]: self.of(row) for row in demo["users"]}

    def of(self, user: Row) -> list[str]:
        if user["participate_in_achievements"] == "false":
            return []
        earned: dict[str, int] = {}
        for _round in range(3):  # points lead to points
            for row in self.achievements:
                if row["external_id"] not in earned and self.holds(row, user, points=sum(earned.values())):
                    earned[row["external_id"]] = int(row["points"])
        return list(earned)

    def holds(self, row: Row, user: Row, *, points: int) -> bool:
        own = row["organization"] == user["organization"]
        takes_part = self.organizations[user["organization"]]["participate_in_global_achievements"] == "true"
        inside = own or (row["is_global"] == "true" and takes_part)
        return all(
            self.condition_holds(condition, user, inside=inside, points=points)
            for condition in conditions(row["conditions"])
        )

    def condition_holds(self, condition: dict[str, object], user: Row, *, inside: bool, points: int) -> bool:
        subject, count = condition["Subject"], condition.get("Count", 1)
        assert isinstance(count, int)
        if subject == 60:
            return inside and longest_run(self.days[user["external_id"]]) >= int(str(condition["Days"]))
        if subject == 50:
            return inside and self.activities_that_count(condition, user) >= count
        if subject in (10, 20):
            return self.courses_that_count(condition, user, inside=inside) >= count
        if not inside:
            return False
        if subject == 40:
            needed = condition["Points"]
            assert isinstance(needed, int)
            return points >= needed
        return self.labs_that_count(condition, user) >= count

    def labs_that_count(self, condition: dict[str, object], user: Row) -> int:
        wanted = [str(number) for number in condition.get("LabProfileIds", [])]  # type: ignore[attr-defined]
        rows = [row for row in self.labs[user["external_id"]] if not wanted or row["id"] in wanted]
        for key in ("Complete", "Passed"):
            rows = [row for row in rows if row[key]] if condition.get(key) else rows
        if condition.get("Distinct"):
            return len({row["id"] for row in rows})
        if condition.get("SingleDay"):
            return max(Counter(row["day"] for row in rows).values(), default=0)
        return len(rows)

    def activities_that_count(self, condition: dict[str, object], user: Row) -> int:
        [kind] = condition["Kinds"]  # type: ignore[misc]
        if kind == "session":
            return len(self.days[user["external_id"]])
        rows = [row for row in self.activities[user["external_id"]] if row["kind"] == kind]
        if condition.get("DistinctPeople"):
            return len({row["other_user"] for row in rows} - {user["external_id"]})
        return len(rows)

    def courses_that_count(self, condition: dict[str, object], user: Row, *, inside: bool) -> int:
        rows = self.courses[user["external_id"]]
        if not inside:
            rows = [row for row in rows if row["achievements_for_outside_organizations"] == "true"]
        if "CourseTagIds" in condition:
            tagged = [{self.tag_numbers[tag] for tag in row["tags"].split(";")} for row in rows]
            return sum(59 in tags for tags in tagged)
        wanted = condition.get("CourseIds")
        if wanted is None:
            return len(rows) if inside else 0  # who names no course reaches nobody outside
        assert isinstance(wanted, list)
        return sum(row["id"].isdigit() and int(row["id"]) in wanted for row in rows)


@pytest.fixture(scope="module")
def count(demo: Folder) -> Count:
    return Count(demo)


def test_some_hundred_badges_come_out(demo: Folder, count: Count) -> None:
    badge_of = {row["external_id"]: row["badge"] for row in demo["achievements"]}
    issued = {
        (user, badge_of[key]) for user, earned in count.earned.items() for key in earned if badge_of[key]
    }
    assert 400 <= len(issued) <= 1_000


def test_every_enabled_achievement_is_earned_by_some_and_by_no_means_by_all(
    demo: Folder, count: Count
) -> None:
    earners = Counter(key for earned in count.earned.values() for key in earned)
    for row in count.achievements:
        assert 3 <= earners[row["external_id"]] <= 300, row["external_id"]


def test_the_outside_organization_earns_only_through_the_open_course(demo: Folder, count: Count) -> None:
    outsiders = [row["external_id"] for row in demo["users"] if row["organization"] == "org-saltmere"]
    earned = Counter(key for user in outsiders for key in count.earned[user])
    assert set(earned) == {"achievement-cloud-foundations"}
    assert earned.total() >= 8


def test_the_learner_who_signs_in_has_much_and_is_close_to_more(demo: Folder, count: Count) -> None:
    earned = set(count.earned["user-learner"])
    assert earned == {
        f"achievement-{name}"
        for name in (
            "first-launch",
            "second-launch",
            "hat-trick",
            "security-pair",
            "capstone",
            "cloud-foundations",
            "exam-taken",
            "security-exam",
            "rising-learner",
            "first-lesson",
            "first-module",
            "whole-course",
            "first-post",
            "reactions",
        )
    }
    learner = next(row for row in demo["users"] if row["external_id"] == "user-learner")
    some = {"comment_added": 6, "learner_helped": 2, "session": 5}
    for kind, least in some.items():
        people = kind == "learner_helped"
        asked: dict[str, object] = {"Kinds": [kind], "DistinctPeople": people}
        assert count.activities_that_count(asked, learner) >= least, "on the way"
    assert 4 <= longest_run(count.days["user-learner"]) < 7, "a streak, and not yet long enough"
    courses = count.courses["user-learner"]
    assert sum("tag-security" in row["tags"].split(";") for row in courses) == 2, (
        "one more to Security Generalist"
    )
    path = [row for row in courses if row["external_id"].startswith("course-cloud-engineer")]
    assert len(path) == 3, "one more to Cloud Engineer"
