"""What the commands of `manage.py` have in common: --json, progress, exit codes, and how a row is named.

Exit codes: 0 done, 1 done with failures that are listed, 2 wrong usage. A command parses its arguments,
calls one function and returns an Answer; it prints nothing itself.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, connection, models
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from tms.errors import DomainError, NotFound
from tms.models import User, normalize_email
from tms.models.base import Fact

FactT = TypeVar("FactT", bound=Fact)
_BAR_WIDTH = 24
_SECONDS_BETWEEN_DRAWINGS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found: `data` for --json, `text` for people. `failed` when `data` lists failures."""

    data: Any
    text: str
    failed: bool = False


class CommandLine(BaseCommand):
    """Base of our commands. A DomainError that `answer` lets through is a wrong usage."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("print the result as JSON"))

    def answer(self, *args: Any, **options: Any) -> Answer:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options["json"]
        try:
            answer = self.answer(**options)
        except DomainError as error:
            if as_json:
                self.stdout.write(as_text({"code": error.code, "message": error.message}))
            raise CommandError(error.message, returncode=2) from error
        except DatabaseError as error:
            if problem := _problem_of_database():
                raise CommandError(problem, returncode=2) from error
            raise
        self.stdout.write(as_text(answer.data) if as_json else answer.text)
        if answer.failed:
            raise SystemExit(1)

    def progress_bar(self) -> ProgressBar:
        return ProgressBar(self.stderr)


def _problem_of_database() -> str:
    """Why no command can work on this database, with the remedy; empty where the fault is another."""
    try:
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return _("The database cannot be reached: %(reason)s") % {"reason": str(error).strip()}
    return _("The database is not up to date. Run manage.py migrate first.") if behind else ""


def as_text(data: Any) -> str:
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


class ProgressBar:
    """A line that is drawn over itself on a terminal; silent where nobody watches."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._is_watched = stream.isatty()
        self._label = ""
        self._drawn_at = 0.0

    def __call__(self, label: str, done: int, total: int) -> None:
        if not self._is_watched:
            return
        now = time.monotonic()
        is_new = label != self._label
        if not is_new and done < total and now - self._drawn_at < _SECONDS_BETWEEN_DRAWINGS:
            return
        if is_new and self._label:
            self._write("\n")
        self._label, self._drawn_at = label, now
        filled = _BAR_WIDTH * done // total if total else _BAR_WIDTH
        bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
        self._write(f"\r{label:<24} {bar} {done:>9,} / {total:,}")

    def close(self) -> None:
        if self._label:
            self._write("\n")
        self._label = ""

    def _write(self, text: str) -> None:
        # Django's wrapper colours what goes to the error stream red, and ends lines; this is neither.
        self._stream.write(text, style_func=str, ending="")
        self._stream.flush()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def bytes_of(file: Path) -> bytes:
    """What a file holds. Raises DomainError in a sentence."""
    try:
        return file.read_bytes()
    except OSError as error:
        message = _("%(file)s cannot be read: %(reason)s.") % {"file": file, "reason": error.strerror}
        raise DomainError("unreadable", message) from error


def text_of(file: Path) -> str:
    """As `bytes_of`, of a file in UTF-8."""
    try:
        return bytes_of(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DomainError("unreadable", _("%(file)s is not text in UTF-8.") % {"file": file}) from error


def named(rows: models.QuerySet[FactT], name: str) -> FactT:
    """The row that a person names by its id, by its external id (also as ext:VALUE) or, a user, by e-mail.

    Digits alone are an id. Raises NotFound in a sentence.
    """
    # A shell passes on bytes that are no text, which neither a database nor a terminal takes.
    name = name.encode(errors="replace").decode().replace("\0", "?")
    found = rows.filter(_meaning(rows.model, name.strip())).first()
    if found is None:
        raise NotFound(
            "not_found",
            _("No %(thing)s is called “%(name)s”.") % {"thing": rows.model._meta.verbose_name, "name": name},
        )
    return found


def _meaning(model: type[models.Model], name: str) -> models.Q:
    if name.startswith("ext:"):
        return models.Q(external_id=name.removeprefix("ext:"))
    if name.isascii() and name.isdigit():
        number = int(name) if len(name) < 19 else 0  # what no column holds is nobody's id
        return models.Q(pk=number)
    if issubclass(model, User) and "@" in name:
        return models.Q(email=normalize_email(name))
    return models.Q(external_id=name)
