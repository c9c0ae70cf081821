"""manage.py serve, where it cannot start."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command


@pytest.fixture(autouse=True)
def trying(settings, monkeypatch):
    settings.DEBUG = True
    monkeypatch.delenv("SANDBOX_PORT", raising=False)


@pytest.mark.parametrize(("port", "name"), [("70000", "PORT is 70000"), ("65501", "SANDBOX_PORT is 65601")])
def test_a_port_beyond_the_last_is_told(port, name):
    with pytest.raises(CommandError, match=f"^{name}; ports end at 65535"):
        call_command("serve", "--port", port)


def test_a_port_in_the_environment_that_is_no_number_is_told(monkeypatch):
    monkeypatch.setenv("PORT", "many")

    with pytest.raises(CommandError, match="argument --port: invalid int value: 'many'"):
        call_command("serve")
