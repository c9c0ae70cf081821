"""Text that is encrypted in the database and shown to nobody.

Keys come from FIELD_ENCRYPTION_KEYS: the first encrypts, all decrypt, so a key is rotated by putting a new
one in front and saving the rows again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=8)
def _keyring(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds a value that is not a Fernet key.") from error


def keyring() -> MultiFernet:
    return _keyring(tuple(settings.FIELD_ENCRYPTION_KEYS))


if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:
    Text = models.TextField


class EncryptedTextField(Text):
    """Clear text in Python, a Fernet token in the column. Cannot be searched or compared."""

    def get_prep_value(self, value: Any) -> Any:
        if not value:
            return ""
        return keyring().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str:
        if not value:
            return ""
        try:
            return keyring().decrypt(value.encode()).decode()
        except InvalidToken:
            # A lost key must not take the whole list page down; the account shows as unusable instead.
            return ""

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise TypeError("An encrypted field cannot be used in a filter.")

    def value_to_string(self, obj: models.Model) -> str:
        """Never in a dump: a fixture holds no secret."""
        return ""
