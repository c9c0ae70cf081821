"""The whole product with one command: database, demo, local provider, site, worker and beat.

What `make run` calls. It is for trying and developing; docs/operating.md describes production.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import date
from http.client import HTTPConnection
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Value
from django.db.models.functions import Replace

from config.demo.generator import LOGINS, sandbox_templates, write_demo
from config.demo.loading import DEMO_PASSWORD, load_demo
from providers.accounts import save_provider
from providers.models import BadgeProvider
from tms.models import User

SANDBOX_TOKEN = "demo-provider-token"  # noqa: S105 - of the local sandbox, which listens on loopback only
# An organization at the sandbox that no account of the demo uses: to create a badge provider with.
SPARE_ORGANIZATION = "7a1c9e52-0000-4000-8000-0000000005ba"
SPARE_TEMPLATES = {
    "Workshop Facilitator": "Led a workshop from start to end.",
    "Lab Reviewer": "Reviewed ten labs before they were published.",
}
READY_SECONDS = 60


class Command(BaseCommand):
    help = (
        "Prepare the database, load the demo once (DEMO=off: begin with nothing), "
        "and serve site, worker, beat and sandbox until Ctrl-C."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
        # As text, so that what the environment says is read, and refused, like what is typed.
        parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000")
        parser.add_argument(
            "--sandbox-port", type=int, default=os.environ.get("SANDBOX_PORT") or "0", help="port + 100"
        )

    def handle(self, *, host: str, port: int, sandbox_port: int, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("serve is for trying the product; it needs DEBUG=on. See docs/operating.md.")
        sandbox_port = sandbox_port or port + 100
        for address, name in (((host, port), "PORT"), (("127.0.0.1", sandbox_port), "SANDBOX_PORT")):
            _require_free(address, name=name)
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        self._say("Preparing the database")
        call_command("migrate", verbosity=0, interactive=False)
        # Accounts of the demo may name it: for this process, which loads them, and for the site.
        settings.PROVIDER_ALLOWED_HOSTS = [*settings.PROVIDER_ALLOWED_HOSTS, f"127.0.0.1:{sandbox_port}"]
        with Processes() as processes:
            self._sandbox(processes, sandbox_port)
            if settings.DEMO:
                self._demo(f"http://127.0.0.1:{sandbox_port}/v1")
            self._site(processes, host, port)
            _let_the_sandbox_tell(sandbox_port, site=f"http://{host}:{port}")
            self._welcome(host, port, sandbox_port)
            name = processes.wait()
            raise CommandError(f"{name} stopped by itself; its last words are above.")

    def _sandbox(self, processes: Processes, port: int) -> None:
        self._say("Starting the sandbox provider")
        templates = settings.DATA_DIR / "sandbox-templates.json"
        described = [*sandbox_templates(), *spare_templates()]
        templates.write_text(json.dumps(described), encoding="utf-8")
        command = [sys.executable, "-m", "providers.sandbox", "--port", str(port)]
        command += ["--data", str(settings.DATA_DIR / "sandbox.jsonl"), "--templates", str(templates)]
        for organization in sorted({template["organization_id"] for template in described}):
            command += ["--accounts", f"{organization}={SANDBOX_TOKEN}"]
        address = ("127.0.0.1", port)
        processes.start("The sandbox provider", command, address=address, stdout=subprocess.DEVNULL)

    def _demo(self, sandbox_url: str) -> None:
        if User.objects.filter(is_demo=True).exists():
            _move_accounts(sandbox_url)
            return
        self._say("Writing and loading the demo (once, a few seconds)")
        os.environ["DEMO_PROVIDER_TOKEN"] = SANDBOX_TOKEN
        folder = settings.DATA_DIR / "demo"
        write_demo(folder, today=date.today(), sandbox_url=sandbox_url)
        load_demo(folder)

    def _site(self, processes: Processes, host: str, port: int) -> None:
        self._say("Starting the site with worker and beat")
        environment = {
            "HOST": host,
            "PORT": str(port),
            "PUBLIC_URL": os.environ.get("PUBLIC_URL", f"http://{host}:{port}"),
            "PROVIDER_ALLOWED_HOSTS": ",".join(settings.PROVIDER_ALLOWED_HOSTS),
            # Whoever tries it looks for the mail at once.
            "NOTICE_WAIT_SECONDS": os.environ.get("NOTICE_WAIT_SECONDS", "5"),
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]
        command += ["--log-level", "warning"]
        processes.start("The site", command, address=(host, port), environment=environment)

    def _welcome(self, host: str, port: int, sandbox_port: int) -> None:
        self.stdout.write(
            "\n".join(
                [
                    "",
                    self.style.SUCCESS(f"Ready: http://{host}:{port}/"),
                    "",
                    *(_demo_words() if settings.DEMO else _words_of_an_empty_site()),
                    f"  http://127.0.0.1:{sandbox_port}/ is the local badge provider and what it received.",
                    "  Create a badge provider of your own: Badge Provider Organization Id",
                    f"  {SPARE_ORGANIZATION}, token {SANDBOX_TOKEN}, “Sandbox of this site”.",
                    f"  http://{host}:{port}/api/docs/ is the API.",
                    "",
                    f"Data is kept in {settings.DATA_DIR}. Ctrl-C stops everything.",
                ]
            )
        )

    def _say(self, text: str) -> None:
        self.stdout.write(f"• {text}")
        self.stdout.flush()


class Processes:
    """Child processes that live and die together."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
        return self

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        address: tuple[str, int],
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Start a child and return when it listens; it gets no terminal signals, so we decide the order."""
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            cwd=settings.BASE_DIR,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            **options,
        )
        deadline = time.monotonic() + READY_SECONDS
        while not _listens(address):
            if self._running[name].poll() is not None:
                raise CommandError(f"{name} could not start; the reason is above.")
            if time.monotonic() > deadline:
                raise CommandError(f"{name} did not answer on port {address[1]} in {READY_SECONDS} seconds.")
            time.sleep(0.1)

    def wait(self) -> str:
        """The name of the first child that ends by itself."""
        while True:
            for name, process in self._running.items():
                if process.poll() is not None:
                    return name
            time.sleep(0.3)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        return kind is KeyboardInterrupt


def _demo_words() -> Iterator[str]:
    width = max(len(login.role) for login in LOGINS)
    emails = max(len(login.email) for login in LOGINS)
    yield "Sign in as"
    for login in LOGINS:
        yield f"  {login.role:<{width}}  {login.email:<{emails}}  {DEMO_PASSWORD}"
    yield ""
    yield "What to look at"
    yield "  As the learner: the dashboard, then Achievements. Badges arrive while you watch."
    yield "  As the administrator: Back office → Lab instances. Complete one more: one more badge."


def _words_of_an_empty_site() -> Iterator[str]:
    if not User.objects.exists():
        yield "Nobody can sign in yet. Make the first account, and with it an organization and its people:"
        yield f"  DEBUG=on DEMO=off DATA_DIR={settings.DATA_DIR} {sys.executable} manage.py createsuperuser"
        yield ""
    yield "What to look at"


def spare_templates() -> list[dict[str, str]]:
    return [
        {
            "id": str(uuid5(NAMESPACE_URL, name)),
            "organization_id": SPARE_ORGANIZATION,
            "organization_name": "Brackenfold Workshops",
            "name": name,
            "description": description,
        }
        for name, description in SPARE_TEMPLATES.items()
    ]


def _move_accounts(sandbox_url: str) -> None:
    """The demo's accounts, and the pictures of their badges, follow the sandbox to the port of this start."""
    to = f"http://{urlsplit(sandbox_url).netloc}/"
    for account in BadgeProvider.objects.filter(api_url__startswith="http://127.0.0.1:"):
        if account.api_url != sandbox_url:
            before = Value(f"http://{urlsplit(account.api_url).netloc}/")
            account.badges.update(image_url=Replace("image_url", before, Value(to)))
            account.api_url = sandbox_url
            save_provider(account)


def _let_the_sandbox_tell(sandbox_port: int, *, site: str) -> None:
    """What happens at the sandbox is posted to the site, as Credly does: an accepted badge shows at once."""
    sandbox = HTTPConnection("127.0.0.1", sandbox_port, timeout=10)
    for account in BadgeProvider.objects.exclude(webhook_digest=None):
        path = urlsplit(account.webhook_address).path
        told = {"id": account.provider_organization_id, "webhook_url": f"{site}{path}"}
        sandbox.request("POST", "/_sandbox/accounts", body=json.dumps(told))
        # One that is not the sandbox's is refused, and told nothing.
        sandbox.getresponse().read()
    sandbox.close()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(address) == 0


def _require_free(address: tuple[str, int], *, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OverflowError as error:
            raise CommandError(f"{name} is {address[1]}; ports end at 65535.") from error
        except OSError as error:
            raise CommandError(
                f"Port {address[1]} on {address[0]} cannot be used ({error.strerror}). "
                f"Choose another: make run {name}={address[1] + 1}"
            ) from error
