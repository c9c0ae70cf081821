"""manage.py create_token: the key with which a program speaks to the API as a user."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from tms.command_line import Answer, CommandLine, named
from tms.errors import DomainError
from tms.models import User
from tms.sign_in import may_sign_in


class Command(CommandLine):
    help = _("Print the API token of a user; the first time, make it.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "user", metavar="EMAIL", help=_("the user's e-mail address, id, or external id as ext:VALUE")
        )

    def answer(self, *, user: str, **options: Any) -> Answer:
        person = named(User.objects.all(), user)
        key = token_of(person)
        return Answer(data={"user": person.pk, "email": person.email, "token": key}, text=key)


def token_of(user: User) -> str:
    if not may_sign_in(user):
        raise DomainError(
            "not_active",
            _("%(email)s may not sign in here, so a token would not work.") % {"email": user.email},
        )
    token, _made = Token.objects.get_or_create(user=user)
    return str(token.key)
