"""manage.py import_training: what it prints and how it ends."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.management.commands.import_training import Command
from tests.config.importing.conftest import SOUND, Folder
from tms.models import User

pytestmark = pytest.mark.django_db


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    output = StringIO()
    try:
        call_command("import_training", str(folder), *arguments, stdout=output)
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


def test_a_sound_folder_ends_with_0_and_a_table(folder: Folder) -> None:
    code, text = run(folder.path)

    assert code == 0
    assert text.splitlines()[0].split() == ["created", "updated", "unchanged", "refused"]
    assert ["users", "3", "0", "0", "0"] in [line.split() for line in text.splitlines()]
    assert User.objects.count() == 3


def test_bad_rows_end_with_1_and_are_listed(folder: Folder) -> None:
    folder.keep_only("organizations", "users")
    folder.replace("users", "Asia/Tokyo", "Tokyo")

    code, text = run(folder.path)

    assert code == 1
    assert "1 problem:" in text
    assert "users.csv, line 3, time_zone: “Tokyo” is not a time zone." in text


def test_json_holds_counts_and_problems(folder: Folder) -> None:
    folder.replace("users", "Asia/Tokyo", "Tokyo")

    code, text = run(folder.path, "--json")

    answer = json.loads(text)
    assert code == 1
    assert set(answer["files"]) == set(SOUND)
    assert answer["files"]["users"] == {"created": 2, "updated": 0, "unchanged": 0, "refused": 1}
    assert ("users.csv", 3, "time_zone") in [
        (problem["file"], problem["line"], problem["column"]) for problem in answer["problems"]
    ]


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere") as refusal:
        run(tmp_path / "nowhere")

    assert refusal.value.returncode == 2


def test_help_lists_the_files_with_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Command().create_parser("manage.py", "import_training").parse_args(["--help"])

    text = capsys.readouterr().out
    assert all(f"  {name}.csv" in text for name in SOUND)
    assert "external_id, email, first_name, last_name, organization, time_zone?" in text


def test_a_token_is_never_printed(folder: Folder) -> None:
    _code, text = run(folder.path)
    _code, data = run(folder.path, "--json")

    assert "secret-of-the-test" not in text + data
