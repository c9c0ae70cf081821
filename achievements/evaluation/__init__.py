"""From changed learners to earned achievements to intents to issue.

Everything here is set-based and safe to repeat: an award is unique, an intent is unique, and what asked for
the work (a ProgressChange, a mark on an achievement) is deleted in the transaction that did it. One
evaluation runs at a time: a rule over points must see every award before it, also those of the other worker.
A look of single rules at everybody is a Backfill, which achievements.backfill leads through these passes.
Next: achievements.intents.issue_new.
"""

from achievements.evaluation.awarding import award, award_changes, award_full, failing_rules
from achievements.evaluation.passes import Report
from achievements.evaluation.rules import active_rule, active_rules
from achievements.evaluation.writing import free_from, places_taken

__all__ = [
    "Report",
    "active_rule",
    "active_rules",
    "award",
    "award_changes",
    "award_full",
    "failing_rules",
    "free_from",
    "places_taken",
]
