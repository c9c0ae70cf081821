"""The manual keeps its word: every example in it is read, or refused, with the remarks shown below it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from achievements.conditions import language
from achievements.conditions.language import ConditionError, read
from achievements.conditions.language.words import COUNTING, GROUP_KEYS

MANUAL = (Path(language.__file__).parents[1] / "reference.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n((?:.*\n)*?)```\n((?:> .*\n)*)", re.MULTILINE)


class Example(NamedTuple):
    """`quoted`: the lines of the quotation that follows, or none."""

    tag: str
    text: str
    quoted: list[str]


EXAMPLES = [
    Example(tag, text, [line.removeprefix("> ").removeprefix("- ") for line in quotation.splitlines()])
    for tag, text, quotation in BLOCK.findall(MANUAL)
]


def examples(tag: str) -> list[object]:
    return [pytest.param(example, id=example.text) for example in EXAMPLES if example.tag == tag]


@pytest.mark.parametrize("example", examples("conditions"))
def test_conditions_of_the_manual_are_read_with_the_remarks_shown(example: Example) -> None:
    rule = read(example.text)

    assert rule.conditions
    assert [remark.message for remark in (*rule.notices, *rule.hints)] == example.quoted


@pytest.mark.parametrize("example", examples("refused"))
def test_what_the_manual_says_is_refused_is_refused_in_its_words(example: Example) -> None:
    with pytest.raises(ConditionError) as caught:
        read(example.text)

    assert str(caught.value).splitlines() == example.quoted


def test_every_block_of_the_manual_is_an_example() -> None:
    assert {example.tag for example in EXAMPLES} == {"conditions", "refused"}
    assert MANUAL.count("```") == 2 * len(EXAMPLES)


@pytest.mark.parametrize("word", [*language.KEYS, *GROUP_KEYS, *language.KINDS])
def test_every_key_and_kind_is_explained(word: str) -> None:
    prose = BLOCK.sub("", MANUAL)

    assert re.search(rf"\b{word}\b", prose)


@pytest.mark.parametrize("subject", language.Subject)
def test_every_subject_has_its_row_with_all_its_own_keys(subject: language.Subject) -> None:
    names = language.SUBJECTS[subject].names
    row = next(line for line in MANUAL.splitlines() if line.startswith(f"| {subject.value} {names[0]} |"))
    own = language.SUBJECTS[subject].keys - COUNTING - {"Distinct"}

    assert set(row.split("|")[3].replace(",", " ").split()) == own
