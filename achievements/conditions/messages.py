"""What sentences about rules are made of: whole messages, so that every language may order its words.

In every message %(count)s is a number as it is written, and `number` the same one for choosing the plural;
`named` is how many things are named, for choosing the plural by them. explain.py chooses among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy, ngettext_lazy, pgettext_lazy

from achievements.conditions.language import KEYS, Condition, Subject

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as Text


@dataclass(frozen=True, slots=True)
class Excluded:
    """The clause that leaves out things, and how these are enumerated."""

    text: Text
    how: Enumeration


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How to ask for items.

    any: so many of whatever there is, the same ones or others · different: so many different ones ·
    named: one of a list, so many times · all: each of a list · some: so many different ones of a list.
    """

    any: Text
    different: Text
    named: Text = ""
    all: Text = ""
    some: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How to ask for time: in anything, or in what is named."""

    named: Text
    any: Text = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """How to ask for activities of a kind; with others: each with somebody else."""

    done: Text
    with_others: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """What must hold for the one record that is asked, for each of several, or each time."""

    one: Text
    each: Text
    each_time: Text

    def of(self, c: Condition) -> Text:
        if c.count == 1:
            return self.one
        return self.each_time if is_asked_by_times(c) else self.each


@dataclass(frozen=True, slots=True)
class Enumeration:
    """`last` ends a list, `more` one that was cut short."""

    last: Text
    more: Text


OR = Enumeration(
    last=gettext_lazy("%(list)s or %(next)s"),
    more=ngettext_lazy("%(list)s or %(count)s more", "%(list)s or %(count)s more", "number"),
)
AND = Enumeration(
    last=gettext_lazy("%(list)s and %(next)s"),
    more=ngettext_lazy("%(list)s and %(count)s more", "%(list)s and %(count)s more", "number"),
)

EXCLUDED = {
    "LabProfileIds": Excluded(
        ngettext_lazy("not counting the lab %(names)s", "not counting the labs %(names)s", "named"), AND
    ),
    "CourseIds": Excluded(
        ngettext_lazy("not counting the course %(names)s", "not counting the courses %(names)s", "named"),
        AND,
    ),
    "CourseTagIds": Excluded(gettext_lazy("not counting courses tagged %(names)s"), OR),
    "ClubIds": Excluded(
        ngettext_lazy(
            "not counting the subscription %(names)s", "not counting the subscriptions %(names)s", "named"
        ),
        AND,
    ),
    "AchievementIds": Excluded(
        ngettext_lazy(
            "not counting the achievement %(names)s", "not counting the achievements %(names)s", "named"
        ),
        AND,
    ),
}
EXCLUDING = {key.field: EXCLUDED[key.excludes] for key in KEYS.values() if key.excludes}

# (what is counted, Complete, Passed)
HEADS = {
    (Subject.LAB, False, False): Heads(
        any=ngettext_lazy("Launch a lab", "Launch %(count)s labs", "number"),
        different=ngettext_lazy(
            "Launch %(count)s different lab", "Launch %(count)s different labs", "number"
        ),
        named=ngettext_lazy(
            "Launch the lab %(names)s", "Launch the lab %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Launch the labs %(names)s"),
        some=ngettext_lazy(
            "Launch %(count)s of %(total)s lab (%(names)s)",
            "Launch %(count)s of %(total)s labs (%(names)s)",
            "named",
        ),
    ),
    (Subject.LAB, True, False): Heads(
        any=ngettext_lazy("Complete a lab", "Complete %(count)s labs", "number"),
        different=ngettext_lazy(
            "Complete %(count)s different lab", "Complete %(count)s different labs", "number"
        ),
        named=ngettext_lazy(
            "Complete the lab %(names)s", "Complete the lab %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Complete the labs %(names)s"),
        some=ngettext_lazy(
            "Complete %(count)s of %(total)s lab (%(names)s)",
            "Complete %(count)s of %(total)s labs (%(names)s)",
            "named",
        ),
    ),
    (Subject.LAB, False, True): Heads(
        any=ngettext_lazy("Pass an exam", "Pass %(count)s exams", "number"),
        different=ngettext_lazy("Pass %(count)s different exam", "Pass %(count)s different exams", "number"),
        named=ngettext_lazy(
            "Pass the exam %(names)s", "Pass the exam %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Pass the exams %(names)s"),
        some=ngettext_lazy(
            "Pass %(count)s of %(total)s exam (%(names)s)",
            "Pass %(count)s of %(total)s exams (%(names)s)",
            "named",
        ),
    ),
    (Subject.LAB, True, True): Heads(
        any=ngettext_lazy("Complete and pass an exam", "Complete and pass %(count)s exams", "number"),
        different=ngettext_lazy(
            "Complete and pass %(count)s different exam",
            "Complete and pass %(count)s different exams",
            "number",
        ),
        named=ngettext_lazy(
            "Complete and pass the exam %(names)s",
            "Complete and pass the exam %(names)s %(count)s times in all",
            "number",
        ),
        all=gettext_lazy("Complete and pass the exams %(names)s"),
        some=ngettext_lazy(
            "Complete and pass %(count)s of %(total)s exam (%(names)s)",
            "Complete and pass %(count)s of %(total)s exams (%(names)s)",
            "named",
        ),
    ),
    (Subject.COURSE, False, False): Heads(
        any=ngettext_lazy(
            "Be enrolled in or assigned to a course",
            "Be enrolled in or assigned to %(count)s courses",
            "number",
        ),
        different=ngettext_lazy(
            "Be enrolled in or assigned to %(count)s different course",
            "Be enrolled in or assigned to %(count)s different courses",
            "number",
        ),
        named=ngettext_lazy(
            "Be enrolled in or assigned to the course %(names)s",
            "Be enrolled in or assigned to the course %(names)s %(count)s times in all",
            "number",
        ),
        all=gettext_lazy("Be enrolled in or assigned to the courses %(names)s"),
        some=ngettext_lazy(
            "Be enrolled in or assigned to %(count)s of %(total)s course (%(names)s)",
            "Be enrolled in or assigned to %(count)s of %(total)s courses (%(names)s)",
            "named",
        ),
    ),
    (Subject.COURSE, True, False): Heads(
        any=ngettext_lazy("Complete a course", "Complete %(count)s courses", "number"),
        different=ngettext_lazy(
            "Complete %(count)s different course", "Complete %(count)s different courses", "number"
        ),
        named=ngettext_lazy(
            "Complete the course %(names)s", "Complete the course %(names)s %(count)s times in all", "number"
        ),
        all=gettext_lazy("Complete the courses %(names)s"),
        some=ngettext_lazy(
            "Complete %(count)s of %(total)s course (%(names)s)",
            "Complete %(count)s of %(total)s courses (%(names)s)",
            "named",
        ),
    ),
    (Subject.COURSE_TAG, False, False): Heads(
        any=ngettext_lazy(
            "Be enrolled in or assigned to a course tagged %(names)s",
            "Be enrolled in or assigned to %(count)s courses tagged %(names)s",
            "number",
        ),
        different=ngettext_lazy(
            "Be enrolled in or assigned to %(count)s different course tagged %(names)s",
            "Be enrolled in or assigned to %(count)s different courses tagged %(names)s",
            "number",
        ),
    ),
    (Subject.COURSE_TAG, True, False): Heads(
        any=ngettext_lazy(
            "Complete a course tagged %(names)s", "Complete %(count)s courses tagged %(names)s", "number"
        ),
        different=ngettext_lazy(
            "Complete %(count)s different course tagged %(names)s",
            "Complete %(count)s different courses tagged %(names)s",
            "number",
        ),
    ),
    (Subject.ACHIEVEMENT, False, False): Heads(
        any=ngettext_lazy("Earn an achievement", "Earn %(count)s achievements", "number"),
        different=ngettext_lazy(
            "Earn %(count)s different achievement", "Earn %(count)s different achievements", "number"
        ),
        named=ngettext_lazy(
            "Earn the achievement %(names)s",
            "Earn the achievement %(names)s %(count)s times in all",
            "number",
        ),
        all=gettext_lazy("Earn the achievements %(names)s"),
        some=ngettext_lazy(
            "Earn %(count)s of %(total)s achievement (%(names)s)",
            "Earn %(count)s of %(total)s achievements (%(names)s)",
            "named",
        ),
    ),
}
# The same keys → which of the items count where their time is asked.
ONLY = {
    (Subject.LAB, True, False): gettext_lazy("counting only labs that you complete"),
    (Subject.LAB, False, True): gettext_lazy("counting only exams that you pass"),
    (Subject.LAB, True, True): gettext_lazy("counting only exams that you complete and pass"),
    (Subject.COURSE, True, False): gettext_lazy("counting only courses that you complete"),
    (Subject.COURSE_TAG, True, False): gettext_lazy("counting only courses that you complete"),
}

POINTS = ngettext_lazy("Collect %(count)s point", "Collect %(count)s points", "number")
POINTS_OF = ngettext_lazy("from the achievement %(names)s", "from the achievements %(names)s", "named")
TIMES = {
    Subject.LAB: Amount(
        any=gettext_lazy("Spend %(time)s in labs"),
        named=ngettext_lazy(
            "Spend %(time)s in the lab %(names)s", "Spend %(time)s in the labs %(names)s", "named"
        ),
    ),
    Subject.COURSE: Amount(
        any=gettext_lazy("Spend %(time)s in courses"),
        named=ngettext_lazy(
            "Spend %(time)s in the course %(names)s", "Spend %(time)s in the courses %(names)s", "named"
        ),
    ),
    Subject.COURSE_TAG: Amount(named=gettext_lazy("Spend %(time)s in courses tagged %(names)s")),
    Subject.ACHIEVEMENT: Amount(
        any=gettext_lazy("Spend %(time)s earning achievements"),
        named=ngettext_lazy(
            "Spend %(time)s earning the achievement %(names)s",
            "Spend %(time)s earning the achievements %(names)s",
            "named",
        ),
    ),
    Subject.ACTIVITY: Amount(
        any=gettext_lazy("Spend %(time)s on activities"), named=gettext_lazy("Spend %(time)s on %(names)s")
    ),
}
# Objects of the verb “spend”, also after “at least”.
HOURS = ngettext_lazy("%(count)s hour", "%(count)s hours", "number")
MINUTES = ngettext_lazy("%(count)s minute", "%(count)s minutes", "number")

KINDS = {
    "profile_picture_added": Kind(
        ngettext_lazy("Add a profile picture", "Add a profile picture %(count)s times", "number")
    ),
    "bio_completed": Kind(ngettext_lazy("Complete your bio", "Complete your bio %(count)s times", "number")),
    "social_link_added": Kind(ngettext_lazy("Add a social link", "Add %(count)s social links", "number")),
    "profile_completed": Kind(
        ngettext_lazy("Complete your profile", "Complete your profile %(count)s times", "number")
    ),
    "lesson_completed": Kind(ngettext_lazy("Complete a lesson", "Complete %(count)s lessons", "number")),
    "module_completed": Kind(ngettext_lazy("Complete a module", "Complete %(count)s modules", "number")),
    "post_published": Kind(ngettext_lazy("Publish a post", "Publish %(count)s posts", "number")),
    "comment_added": Kind(ngettext_lazy("Write a comment", "Write %(count)s comments", "number")),
    "reaction_received": Kind(
        ngettext_lazy("Receive a reaction", "Receive %(count)s reactions", "number"),
        ngettext_lazy(
            "Receive a reaction from another person",
            "Receive reactions from %(count)s different people",
            "number",
        ),
    ),
    "learner_helped": Kind(
        ngettext_lazy("Help a learner", "Help learners %(count)s times", "number"),
        ngettext_lazy("Help another person", "Help %(count)s different people", "number"),
    ),
    "session": Kind(ngettext_lazy("Be active on one day", "Be active on %(count)s days", "number")),
}
# What an activity is called where it is one of several, in quotes.
DEEDS = {
    "profile_picture_added": pgettext_lazy("deed", "Add a profile picture"),
    "bio_completed": pgettext_lazy("deed", "Complete your bio"),
    "social_link_added": pgettext_lazy("deed", "Add a social link"),
    "profile_completed": pgettext_lazy("deed", "Complete your profile"),
    "lesson_completed": pgettext_lazy("deed", "Complete a lesson"),
    "module_completed": pgettext_lazy("deed", "Complete a module"),
    "post_published": pgettext_lazy("deed", "Publish a post"),
    "comment_added": pgettext_lazy("deed", "Write a comment"),
    "reaction_received": pgettext_lazy("deed", "Receive a reaction"),
    "learner_helped": pgettext_lazy("deed", "Help a learner"),
    "session": pgettext_lazy("deed", "Be active on one day"),
}
ANY_KIND = Kind(ngettext_lazy("Be active in any way", "Be active in any way %(count)s times", "number"))
NAMED_KINDS = Kind(ngettext_lazy("Do %(names)s", "Do %(names)s %(count)s times in all", "number"))
# Of one day, since a session is a day on which a learner was there.
SESSIONS = ngettext_lazy("Sign in %(count)s time", "Sign in %(count)s times", "number")
DAYS_ACTIVE = ngettext_lazy("Be active on %(count)s day", "Be active on %(count)s days in a row", "number")
DAYS_DONE = ngettext_lazy(
    "Do %(names)s on %(count)s day", "Do %(names)s on %(count)s days in a row", "number"
)

# The fields of a condition that its head names; a condition on tags may name courses instead.
NAMED_BY = {
    Subject.LAB: "lab_ids",
    Subject.COURSE: "course_ids",
    Subject.COURSE_TAG: "tag_ids",
    Subject.ACHIEVEMENT: "achievement_ids",
    Subject.ACTIVITY: "kinds",
    Subject.STREAK: "kinds",
}

WITH_OTHERS = Clause(
    one=gettext_lazy("involving another person"),
    each=gettext_lazy("each time involving a different person"),
    each_time=gettext_lazy("each time involving a different person"),
)
MIN_SCORE = Clause(
    one=gettext_lazy("with a score of at least %(count)s%%"),
    each=gettext_lazy("each with a score of at least %(count)s%%"),
    each_time=gettext_lazy("each time with a score of at least %(count)s%%"),
)
ANY_SCORE = Clause(
    one=gettext_lazy("with any score"),
    each=gettext_lazy("each with any score"),
    each_time=gettext_lazy("each time with any score"),
)
MIN_TIME = Clause(
    one=gettext_lazy("spending at least %(time)s in it"),
    each=gettext_lazy("spending at least %(time)s in each"),
    each_time=gettext_lazy("spending at least %(time)s in it each time"),
)
WITHIN = ngettext_lazy("within %(count)s day", "within %(count)s days", "number")

AT_LEAST = ngettext_lazy("At least %(count)s of these", "At least %(count)s of these", "number")


def named_items(c: Condition) -> Sequence[int]:
    """The items that are named, where items are counted."""
    return c.lab_ids or c.course_ids or c.achievement_ids


def is_asked_by_times(c: Condition) -> bool:
    """Whether the head says “so many times” of what it names."""
    return bool(named_items(c)) and not (c.distinct and c.needed > 1)
