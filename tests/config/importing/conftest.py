"""A folder of CSV files in which every row is sound; tests spoil what they are about."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.apps import apps

from config.importing import ImportReport, Problem, import_folder

SOUND = {
    "organizations": """
        external_id,name,parent,time_zone,enable_achievements,participate_in_global_achievements
        berlin,Berlin,academy,Europe/Berlin,,
        academy,Academy,,America/Chicago,true,true
    """,
    "users": """
        external_id,email,first_name,last_name,organization,time_zone,participate_in_achievements,roles,is_disabled
        u-1,Ada@Example.org,Ada,Lovelace,academy,,,,
        u-2,grace@example.org,Grace,Hopper,berlin,Asia/Tokyo,false,,true
        u-3,alan@example.org,Alan,Turing,academy,,true,administrator;Contract Instructor,false
    """,
    "course_tags": """
        id,external_id,name,organization
        59,tag-1,Security,academy
        ,tag-2,Cloud,academy
    """,
    "labs": """
        id,external_id,name,organization,is_exam
        ,lab-1,First steps,academy,
        12345,lab-2,Final exam,academy,true
    """,
    "courses": """
        id,external_id,name,organization,content_provider,publishing_group,tags,labs,achievements_for_outside_organizations
        2345,course-1,Foundations,academy,House,Everybody,tag-1;tag-2,lab-1;lab-2,true
        ,course-2,Draft,academy,,,,,
    """,
    "subscription_profiles": """
        id,external_id,name,organization,courses
        551,profile-1,Everything,academy,course-1;course-2
        ,profile-2,Nothing yet,berlin,
    """,
    "subscriptions": """
        external_id,user,subscription_profile,starts_at,expires_at
        s-1,u-1,profile-1,2026-01-01T00:00:00Z,2026-12-31T23:59:59Z
        s-2,u-2,profile-1,2026-01-01T00:00:00Z,
    """,
    "learning_paths": """
        external_id,name,organization,subscription_profile,courses
        path-1,The long way,academy,profile-1,course-2;course-1
        path-2,The short way,academy,profile-1,
    """,
    "classes": """
        external_id,name,course,organization,starts_at,ends_at,status,minimum,maximum,instructors
        class-1,March,course-1,academy,2026-03-02T09:00:00+01:00,2026-03-06T17:00:00+01:00,Guaranteed to run,4,12,u-3
        class-2,April,course-1,academy,2026-04-06T09:00:00Z,2026-04-10T17:00:00Z,,,,
    """,
    "enrollments": """
        external_id,user,class,status,completion_status,enrolled_at,completed_at,subscription
        e-1,u-1,class-1,Enrolled,Complete,2026-02-01T10:00:00Z,2026-03-06T16:00:00Z,s-1
        e-2,u-2,class-1,Wait-Listed,,2026-02-02T10:00:00Z,,
        e-3,u-2,class-2,enrolled,No Show,2026-02-02T10:00:00Z,,
        e-4,u-3,class-2,enrolled,complete,2026-02-02T10:00:00Z,,
    """,
    "course_assignments": """
        external_id,user,course,started_at,completed_at,expires_at,target_completion,status,subscription,from_on_demand
        ca-1,u-1,course-1,2026-01-05T08:00:00Z,2026-01-09T08:00:00Z,,2026-02-01T00:00:00Z,Active,s-1,true
        ca-2,u-2,course-1,2026-01-05T08:00:00Z,,2026-12-31T00:00:00Z,,cancelled,,
    """,
    "lab_instances": """
        external_id,user,lab,course_assignment,enrollment,started_at,completed_at,minutes,passed,score_percent,status
        li-1,u-1,lab-2,ca-1,,2026-01-06T08:00:00Z,2026-01-06T09:30:00Z,85.5,true,92.5,
        li-2,u-2,lab-1,,e-3,2026-04-06T23:30:00Z,,,,,
        li-3,u-1,lab-1,,,2026-01-07T08:00:00Z,,3,,,Failed
        li-4,u-1,lab-1,,,2026-01-07T09:00:00Z,,,,,complete
    """,
    "activities": """
        external_id,user,kind,occurred_at,course,other_user
        act-1,u-1,learner_helped,2026-01-08T23:30:00Z,,u-2
        act-2,u-2,lesson_completed,2026-01-08T23:30:00Z,course-1,
        act-3,u-2,podcast_recorded,2026-01-09T10:00:00+09:00,,
    """,
    "badge_providers": """
        external_id,name,organization,type,provider_organization_id,api_url,token_env
        provider-1,Academy at Credly,academy,Credly,11111111-1111-4111-8111-111111111111,https://sandbox-api.credly.com/v1,IMPORT_TEST_TOKEN
        provider-2,Our own,academy,Open Badges,,,
    """,
    "badges": """
        external_id,name,organization,badge_provider,template_id,description,enable_manual_issuance,is_active
        badge-1,Foundations,academy,provider-1,22222222-2222-4222-8222-222222222222,Well done.,true,true
        badge-2,Later,academy,provider-1,33333333-3333-4333-8333-333333333333,,,
    """,
    "achievements": """
        id,external_id,name,description,organization,category,points,frequency,frequency_type,badge,is_global,enabled,conditions
        ,a-1,Both,Earn the other one.,academy,,5,,,,,,"[{Subject:40, AchievementIds:[77]}]"
        77,a-2,Examined,,academy,Courses,50,1,Per User,badge-1,true,true,"[{Subject:0, LabProfileIds:[12345], Count:1, Passed:True}]"
    """,
}


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        for name, text in SOUND.items():
            self.write(name, text)

    def write(self, name: str, content: str | bytes) -> None:
        """Replace a file; the margin of a text is not part of it."""
        if isinstance(content, str):
            content = dedent(content).strip().encode()
        (self.path / f"{name}.csv").write_bytes(content)

    def add(self, name: str, *rows: str) -> None:
        """Put rows behind those of a file."""
        with (self.path / f"{name}.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"\n{row}" for row in rows)

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.path / f"{name}.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def keep_only(self, *names: str) -> None:
        for path in self.path.glob("*.csv"):
            if path.stem not in names:
                path.unlink()

    def run(self) -> ImportReport:
        return import_folder(self.path)

    def problems(self) -> list[Problem]:
        return self.run().problems

    def problem(self) -> Problem:
        """The only one there is."""
        problems = self.problems()
        assert len(problems) == 1, problems
        return problems[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("IMPORT_TEST_TOKEN", "secret-of-the-test")
    path = tmp_path / "training"
    path.mkdir()
    return Folder(path)


def dump() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for app in ("tms", "providers", "badges", "achievements")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    }
