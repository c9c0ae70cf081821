"""Rules as German sentences, written by hand: of each kind of condition one, and of what may be combined."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings

from achievements.conditions.explain import outline, sentence
from achievements.conditions.language import read
from tests.achievements.conditions.test_explain import (
    FEATURES,
    NAMES,
    SHAPES,
    lines_of,
    shapes,
    told,
)
from tests.achievements.conditions.test_language import written_rules


def in_german(text: str) -> str:
    with translation.override("de"):
        return told(text)


GERMAN = {
    # The documented examples
    "[{Count:1}]": "Starten Sie ein Lab",
    "[{LabProfileIds:[12345,23456], Count:2, Distinct:true}]": (
        "Starten Sie die Labs „Three tiers“ und „Queues“"
    ),
    "[{LabProfileIds:[98765], Complete:true}]": "Absolvieren Sie das Lab „Firewalls“",
    "[{Subject:10, CourseIds:[2345], Complete:true}]": "Absolvieren Sie den Kurs „Networks“",
    "[{Subject:20, CourseTagIds:[59], Count:3, Complete:true}]": (
        "Absolvieren Sie 3 Kurse mit dem Schlagwort „Cloud“ (Wiederholungen zählen mit)"
    ),
    "[{Subject:20, CourseTagIds:[59], Count:3, Distinct:true, Complete:true, WithinDays:30}]": (
        "Absolvieren Sie 3 verschiedene Kurse mit dem Schlagwort „Cloud“ innerhalb von 30 Tagen"
    ),
    "[{Count:3, SingleDay:true}]": ("Starten Sie 3 Labs an einem einzigen Tag (Wiederholungen zählen mit)"),
    "[{Subject:10, CourseIds:[1583,1584,1585,1586], Count:4, Distinct:true, Complete:true},"
    " {LabProfileIds:[13578], Passed:true}]": (
        "Alle diese Bedingungen: Absolvieren Sie die Kurse „One“, „Two“, „Three“ und „Four“;"
        " Bestehen Sie die Prüfung „Cloud exam“"
    ),
    "[{LabProfileIds:[13578], Passed:true, MinScorePercent:80}]": (
        "Bestehen Sie die Prüfung „Cloud exam“ mit einem Ergebnis von mindestens 80\u00a0%"
    ),
    "[{Subject:30, ClubIds:[551], Complete:true}]": (
        "Absolvieren Sie einen Kurs im Rahmen des Abonnements „All you can learn“"
    ),
    "[{Subject:40, Points:2500}]": "Sammeln Sie 2.500 Punkte",
    "[{Subject:40, Count:3, Distinct:true, AchievementIds:[10,11,12]}]": (
        "Erreichen Sie die Erfolge „A“, „B“ und „C“"
    ),
    "[{Subject:60, Days:30}]": "Besuchen Sie die Plattform an 30 Tagen in Folge",
    "[{Subject:50, Kinds:[post_published]}]": "Veröffentlichen Sie einen Beitrag",
    "[{Subject:50, Kinds:[learner_helped], Count:3, DistinctPeople:true}]": (
        "Helfen Sie 3 verschiedenen Personen"
    ),
    # What is combined
    "[{Minutes:61, LabProfileIds:[1,2], Complete:true, WithinDays:7}]": (
        "Verbringen Sie 61 Minuten in den Labs „Άλφα“ und „Βήτα“ innerhalb von 7 Tagen,"
        " wobei nur absolvierte Labs zählen"
    ),
    "[{Count:3, LabProfileIds:[1,2], MinScorePercent:80, MinMinutesSpent:60, SingleDay:true}]": (
        "Starten Sie das Lab „Άλφα“ oder „Βήτα“ insgesamt 3-mal an einem einzigen Tag, jedes Mal mit einem"
        " Ergebnis von mindestens 80\u00a0%, wobei die Bearbeitungszeit jedes Mal mindestens 1 Stunde beträgt"
        " (Wiederholungen zählen mit)"
    ),
    "[{Subject:10, Count:1, After:2026-03-01, Before:2026-06-30}]": (
        "Belegen Sie einen Kurs zwischen dem 1. März 2026 und dem 30. Juni 2026"
    ),
    "[{Count:1, Before:2026-06-30T18:30}]": "Starten Sie ein Lab bis zum 30. Juni 2026 18:30",
    "[{Subject:20, CourseIds:[1], CourseTagIds:[2], Complete:true}]": (
        "Absolvieren Sie den Kurs „Άλφα“, sofern mit dem Schlagwort „Βήτα“ versehen"
    ),
    "[{Subject:20, Count:1, Complete:true, ExcludeCourseIds:[1,2], ExcludeCourseTagIds:[3]}]": (
        "Absolvieren Sie einen Kurs, wobei die Kurse „Άλφα“ und „Βήτα“ nicht zählen,"
        " wobei Kurse mit dem Schlagwort „Γάμμα“ nicht zählen"
    ),
    "[{Subject:50, Kinds:[post_published, quiz_solved], Count:3, CourseIds:[1], WithinDays:7}]": (
        "Erledigen Sie „Beitrag veröffentlichen“ oder „quiz_solved“ insgesamt 3-mal im Kurs „Άλφα“"
        " innerhalb von 7 Tagen"
    ),
    "[{Subject:50, Kinds:[comment_added], Count:3, DistinctPeople:true}]": (
        "Schreiben Sie 3 Kommentare, wobei jedes Mal eine andere Person beteiligt ist"
    ),
    "[{Subject:60, Days:7, Kinds:[lesson_completed]}]": (
        "Erledigen Sie „Lektion absolvieren“ an 7 Tagen in Folge"
    ),
    "[{Count:1, LabProfileIds:[1,2,3,4,5,6]}]": (
        "Starten Sie das Lab „Άλφα“, „Βήτα“, „Γάμμα“, „Δέλτα“ oder 2 weitere"
    ),
    "[{AtLeast:2, Of:[{Count:1}, {Subject:40, Points:5}, {Any:[{Subject:10, Count:1}, {Subject:60, Days:7}]}]}]": (
        "Mindestens 2 dieser Bedingungen: Starten Sie ein Lab; Sammeln Sie 5 Punkte;"
        " (Eine dieser Bedingungen: Belegen Sie einen Kurs; Besuchen Sie die Plattform an 7 Tagen in Folge)"
    ),
}


@pytest.mark.parametrize(("text", "expected"), GERMAN.items())
def test_a_rule_in_german_words(text: str, expected: str) -> None:
    assert in_german(text) == expected


PLURALS = ("Labs", "Kurse", "Kursen", "Prüfungen", "Erfolge", "Erfolgen", "Punkte", "Stunden", "Minuten", "Tagen", "Lektionen")  # fmt: skip
ENGLISH = r"\b(the|of|and|or|each|time|with|labs?|courses?|Launch|Complete|Earn|Spend|Do|Be)\b"


def faults(words: str) -> list[str]:
    """What no good German sentence of these has."""
    patterns = [
        r"%\(|\{|\}|None|\\",
        r"  |^ | $| [,;:.)]|\( |„“|\(\)|[,;:]$",
        r"(?<! \d)\.$",
        r"\b(und|oder|von|der|die|das|dem|den|mit|an|in|im|ab|bis)$",
        r"\b(und|oder|von)(,|;|\))",
        rf"(?<![\d.,])\b1 (verschiedene )?({'|'.join(PLURALS)})\b",
        r"(?<![\d.,])\b(?!1 )\d[\d.]* (Kurs|Prüfung|Erfolg|Punkt|Stunde|Minute|Tag|Lektion)\b",
        ENGLISH,
    ]
    return [pattern for pattern in patterns if re.search(pattern, words)]


def bare(words: str) -> str:
    return re.sub(r"„[^„“]*“", "„N“", words)


@pytest.mark.parametrize("text", FEATURES)
def test_every_feature_reads_as_german(text: str) -> None:
    assert faults(bare(in_german(text))) == []


@pytest.mark.parametrize("subject", SHAPES)
def test_every_shape_of_condition_reads_as_german(subject: int) -> None:
    found = {text: in_german(text) for text in shapes(subject)}

    assert {text: words for text, words in found.items() if faults(bare(words))} == {}


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(written_rules)
def test_any_rule_reads_as_german(written: list[dict[str, Any]]) -> None:
    rule = read(json.dumps(written))
    with translation.override("de"):
        lines = [*lines_of(outline(rule, NAMES)), sentence(rule, NAMES)]
    for line in lines:
        said = line
        for kind in sorted({kind for leaf in rule.leaves() for kind in leaf.kinds}, key=len, reverse=True):
            said = said.replace(f"„{kind}“", "„N“").replace(f"„\u2068{kind}\u2069“", "„N“")
        said = bare(said)
        assert faults(said) == []
        assert line[:1] in {"", "("} or line[0].isupper()
        assert said.count("„") == said.count("“")
        assert said.count("(") == said.count(")")
