"""Plays a history in the product, through its own writers, and reads what was awarded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import models

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.explanation import explain
from achievements.models import Achievement, Backfill, EarnedAchievement
from tests.achievements.oracle import reference as naive
from tests.achievements.oracle.histories import Change, Drop, Put, Undo
from tests.achievements.oracle.rules import render
from tms import gates, progress, records, subscriptions
from tms import models as tms

# learner, achievement, occurrence, when, on which day of the learner, points, withdrawn
Row = tuple[str, str, int, datetime, date, int, bool]

# Stored in bulk when they are new.
FACTS: dict[type[naive.Thing], type[models.Model]] = {
    naive.Assignment: tms.CourseAssignment,
    naive.Enrollment: tms.Enrollment,
    naive.Launch: tms.LabInstance,
    naive.Activity: tms.Activity,
}


class Stage:
    """The rows of one history, by the keys of their things."""

    def __init__(self, scene: Iterable[naive.Thing]) -> None:
        self.rows: dict[str, Any] = {}
        for thing in scene:
            self.set(thing)

    # before anything happens

    def set(self, thing: naive.Thing) -> None:
        make: dict[type[naive.Thing], Callable[[Any], Any]] = {
            naive.Organization: lambda it: tms.Organization.objects.create(**self.values(it)),
            naive.Tag: lambda it: tms.CourseTag.objects.create(**self.values(it)),
            naive.Lab: lambda it: tms.Lab.objects.create(**self.values(it)),
            naive.Course: self.set_course,
            naive.Profile: self.set_profile,
            naive.Class: lambda it: tms.Class.objects.create(**self.values(it)),
            naive.Learner: lambda it: tms.User.objects.create(**self.values(it)),
        }
        self.rows[thing.key] = make[type(thing)](thing)

    def set_course(self, course: naive.Course) -> tms.Course:
        row = tms.Course.objects.create(**self.values(course))
        row.tags.set([self.rows[tag] for tag in course.tags])
        return row

    def set_profile(self, profile: naive.Profile) -> tms.SubscriptionProfile:
        row = tms.SubscriptionProfile.objects.create(**self.values(profile))
        row.courses.set([self.rows[course] for course in profile.courses])
        return row

    # what happens

    def play(self, batch: Iterable[Change]) -> None:
        """New facts of one sort that follow each other are stored together, as an import does."""
        for (kind, is_new), changes in groupby(self._sorts(batch), key=itemgetter(0)):
            if is_new and kind in FACTS:
                self._store([change.thing for _, change in changes if isinstance(change, Put)])
                continue
            for _, change in changes:
                self._change(change)

    def _sorts(self, batch: Iterable[Change]) -> Iterator[tuple[tuple[type, bool], Change]]:
        known = set(self.rows)
        for change in batch:
            if isinstance(change, Drop | Undo):
                yield (type(change), False), change
            else:
                yield (type(change.thing), change.thing.key not in known), change
                known.add(change.thing.key)

    def _store(self, facts: Iterable[naive.Thing]) -> None:
        rows = []
        for fact in facts:
            row: Any = FACTS[type(fact)](**self.values(fact))
            progress.prepare(row, before=None)
            self.rows[fact.key] = row
            rows.append(row)
        progress.store(rows)

    def _change(self, change: Change) -> None:
        if isinstance(change, Drop):
            progress.delete(self.fresh(change.key))
            del self.rows[change.key]
            return
        assert isinstance(change, Put)
        thing = change.thing
        row = self.fresh(thing.key) if thing.key in self.rows else None
        if isinstance(thing, naive.Achievement):
            row = row or Achievement(name=thing.key)
            self.assign(row, thing)
            save_achievement(row)
            self.rows[thing.key] = row
            return
        if isinstance(thing, naive.Subscription):
            row = row or tms.Subscription()
            self.assign(row, thing)
            self.rows[thing.key] = subscriptions.save_subscription(row)
            return
        assert row is not None, thing
        if isinstance(thing, naive.Learner) and thing.opted_out != bool(row.opted_out_at):
            (gates.opt_out if thing.opted_out else gates.opt_in)(row)
        self.assign(row, thing)
        save: dict[type[naive.Thing], Callable[[Any], Any]] = {
            naive.Organization: gates.save_organization,
            naive.Learner: gates.save_user,
            naive.Class: progress.save_class,
        }
        if isinstance(thing, naive.Course):
            gates.save_course(row, tags=[self.rows[tag] for tag in thing.tags])
        else:
            save.get(type(thing), progress.save)(row)
        self.rows[thing.key] = row

    def undo(self, change: Undo) -> set[str]:
        """The keys of the awards that this withdrew."""
        found = Backfill.objects.filter(achievement=self.rows.get(change.achievement)).first()
        if found is None or found.state == Backfill.State.UNDONE:
            return set()
        before = self.awards()
        backfill.undo(found, reason="That was a mistake.")
        return {naive.award_key(*row[:3]) for row in self.awards() - before}

    def fresh(self, key: str) -> Any:
        """As a request would find it."""
        row = self.rows[key]
        return type(row).objects.get(pk=row.pk)

    def assign(self, row: Any, thing: naive.Thing) -> None:
        for name, value in self.values(thing).items():
            setattr(row, name, value)

    def values(self, thing: naive.Thing) -> dict[str, Any]:
        """The columns of a thing."""
        row = self.rows.get
        match thing:
            case naive.Organization():
                return {
                    "name": thing.key,
                    "parent": row(thing.parent or ""),
                    "time_zone": thing.zone,
                    "enable_achievements": thing.enabled,
                    "participate_in_global_achievements": thing.takes_global,
                }
            case naive.Learner():
                return {
                    "email": f"{thing.key}@example.org",
                    "organization": row(thing.organization),
                    "time_zone": thing.zone,
                    "participate_in_achievements": thing.participates,
                    "is_active": not thing.disabled,
                }
            case naive.Tag() | naive.Lab() | naive.Profile():
                return {"name": thing.key, "organization": row(thing.organization)}
            case naive.Course():
                return {
                    "name": thing.key,
                    "organization": row(thing.organization),
                    "content_provider": "House",
                    "publishing_group": "Everybody",
                    "achievements_for_outside_organizations": thing.ticked,
                }
            case naive.Class():
                return {
                    "name": thing.key,
                    "course": row(thing.course),
                    "organization": self.rows[thing.course].organization,
                    "starts_at": BEGINNING,
                    "ends_at": BEGINNING,
                    "status": thing.status,
                }
            case naive.Assignment():
                return {
                    "user": row(thing.learner),
                    "course": row(thing.course),
                    "started_at": thing.started_at,
                    "completed_at": thing.completed_at,
                    "expires_at": thing.expires_at,
                    "status": thing.status,
                    "subscription": row(thing.subscription or ""),
                    "from_on_demand": thing.from_on_demand,
                }
            case naive.Enrollment():
                return {
                    "user": row(thing.learner),
                    "training_class": row(thing.training_class),
                    "status": thing.status,
                    "completion_status": thing.completion,
                    "enrolled_at": thing.started_at,
                    "completed_at": thing.completed_at,
                    "subscription": row(thing.subscription or ""),
                }
            case naive.Subscription():
                return {
                    "user": row(thing.learner),
                    "subscription_profile": row(thing.profile),
                    "starts_at": thing.starts_at,
                    "expires_at": thing.expires_at,
                }
            case naive.Activity():
                return {
                    "user": row(thing.learner),
                    "kind": thing.kind,
                    "occurred_at": thing.started_at,
                    "course": row(thing.course or ""),
                    "other_user": row(thing.other or ""),
                }
            case naive.Launch():
                through = self.fresh(thing.through) if thing.through else None
                return {
                    "user": row(thing.learner),
                    "lab": row(thing.lab),
                    "course_assignment": through if isinstance(through, tms.CourseAssignment) else None,
                    "enrollment": through if isinstance(through, tms.Enrollment) else None,
                    "status": thing.status,
                    "started_at": thing.started_at,
                    "completed_at": thing.completed_at,
                    "minutes": thing.minutes,
                    "passed": thing.passed,
                    "score_percent": thing.score,
                }
            case naive.Achievement():
                return {
                    "organization": row(thing.organization),
                    "conditions_text": render(thing.rule, ids=self.ids),
                    "points": thing.points,
                    "frequency": thing.frequency,
                    "frequency_type": thing.frequency_type,
                    "is_global": thing.is_global,
                    "enabled": thing.enabled,
                }
        raise AssertionError(thing)

    # what the product knows

    @property
    def ids(self) -> dict[str, int]:
        return {key: row.pk for key, row in self.rows.items()}

    def record_ids(self) -> dict[str, int]:
        """The facts that have a record → its id, which breaks ties."""
        found = {
            (kind, source): pk
            for pk, kind, source in tms.LearningRecord.objects.values_list("pk", "source_kind", "source_id")
        }
        ids = {
            key: found[source]
            for key, row in self.rows.items()
            if type(row) in records.SOURCES and (source := (records.SOURCES[type(row)][0], row.pk)) in found
        }
        names = {row.pk: key for key, row in self.rows.items() if isinstance(row, tms.User)}
        for session in tms.Activity.objects.exclude(occasion=None):
            day = date.fromisoformat(session.occasion)
            ids[naive.session_key(names[session.user_id], day)] = found[records.Source.ACTIVITY, session.pk]
        return ids

    def awards(self) -> set[Row]:
        names = {(type(row), row.pk): key for key, row in self.rows.items()}
        return {
            (
                names[tms.User, award.learner_id],
                names[Achievement, award.achievement_id],
                award.occurrence,
                award.earned_at,
                award.earned_day,
                award.points,
                award.withdrawn_at is not None,
            )
            for award in EarnedAchievement.objects.all()
        }

    def standing(self, achievement: str, learner: str) -> list[naive.Standing]:
        found = explain(self.fresh(achievement), self.fresh(learner))
        return [(condition.have, condition.met_at) for condition in found.conditions]

    def told(self) -> str:
        """The rules and records behind a disagreement."""
        rules = [f"{row.name}: {row.conditions_text}" for row in Achievement.objects.order_by("id")]
        return "\n".join([*rules, *(str(row) for row in tms.LearningRecord.objects.order_by("id").values())])

    @staticmethod
    def look() -> int:
        """What the schedule does every few seconds; the number of new awards."""
        return evaluation.award_changes().awards + backfill.award_due().awards

    @staticmethod
    def look_at_everybody() -> int:
        """What it does every night."""
        return evaluation.award_full().awards


BEGINNING = naive.datetime(2024, 1, 1, tzinfo=naive.UTC)
