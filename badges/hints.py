"""The names of tasks that a hint starts at once (badges.tasks); without it a sweep finds the work later."""

DELIVER = "badges.deliver"
RECONCILE = "badges.reconcile"
SWEEP = "badges.sweep"
