"""Several processes gather and send at the same moment: each person gets one mail, once."""

from __future__ import annotations

from collections import Counter
from email import message_from_string, policy
from pathlib import Path

import pytest

from tests.factories import OrganizationFactory
from tests.services.conftest import race
from tests.tms.notifying.conftest import earn
from tms.models import Mail, User

pytestmark = pytest.mark.services

PEOPLE = 120
PROCESSES = 4


def written(folder: Path) -> list[str]:
    """To whom the mails in the files of Django's own backend were sent."""
    texts = "".join(path.read_text() for path in folder.iterdir())
    mails = [text.strip() for text in texts.split("-" * 79) if text.strip()]
    return [str(message_from_string(text, policy=policy.default)["To"]) for text in mails]


def test_each_person_gets_one_mail_once(environment: dict[str, str], tmp_path: Path) -> None:
    organization = OrganizationFactory()
    people = User.objects.bulk_create(
        User(email=f"person{number}@example.org", organization=organization) for number in range(PEOPLE)
    )
    for person in people:
        person.organization = organization
        earn(person, f"{person.email} one")
        earn(person, f"{person.email} two")
    folder = tmp_path / "mail"
    environment |= {"EMAIL_URL": f"filemail:///{folder}", "NOTICE_WAIT_SECONDS": "0"}

    preparation = "from tms.notifying import gathering, sending; gathering.PEOPLE = 5; sending.BATCH = 3"
    sent = race([(preparation, "sending.notify()")] * PROCESSES, environment=environment)

    assert sum(sent) == PEOPLE
    assert Counter(written(folder)) == Counter(person.email for person in people)
    assert Mail.objects.filter(state="sent", attempts=1).count() == PEOPLE
