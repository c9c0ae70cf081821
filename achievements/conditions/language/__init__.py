"""The spelling of conditions: text, or the stored canonical form, becomes typed conditions and back.

Nothing outside this package knows subjects and keys by name. How text is cut into values is the affair of
text.py. Whether ids exist, and what conditions find in records, is not known here. reference.md is the
manual.
"""

from achievements.conditions.language.doubts import Hint
from achievements.conditions.language.reading import ConditionError, read, unknown_ids
from achievements.conditions.language.rules import Condition, Group, Rule, referenced_ids
from achievements.conditions.language.stored import canonical, dump, from_canonical
from achievements.conditions.language.words import (
    DEFAULT_STREAK,
    GROUPS,
    KEYS,
    KINDS,
    KINDS_IN_COURSES,
    LANGUAGE_VERSION,
    MAX_CONDITIONS,
    MAX_IDS,
    MAX_KIND,
    MAX_NUMBER,
    SUBJECTS,
    Key,
    Shape,
    Subject,
)
from achievements.conditions.text import Remark

__all__ = [
    "DEFAULT_STREAK",
    "GROUPS",
    "KEYS",
    "KINDS",
    "KINDS_IN_COURSES",
    "LANGUAGE_VERSION",
    "MAX_CONDITIONS",
    "MAX_IDS",
    "MAX_KIND",
    "MAX_NUMBER",
    "SUBJECTS",
    "Condition",
    "ConditionError",
    "Group",
    "Hint",
    "Key",
    "Remark",
    "Rule",
    "Shape",
    "Subject",
    "canonical",
    "dump",
    "from_canonical",
    "read",
    "referenced_ids",
    "unknown_ids",
]
