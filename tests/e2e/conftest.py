"""The whole product as `make run` starts it, and a real browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "demo"
CHROMIUM_FLAGS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def free_port() -> int:
    """A port whose neighbour a hundred above, the sandbox's, is free too."""
    while True:
        with socket.socket() as site, socket.socket() as sandbox:
            site.bind(("127.0.0.1", 0))
            port: int = site.getsockname()[1]
            try:
                sandbox.bind(("127.0.0.1", port + 100))
            except (OSError, OverflowError):
                continue
            return port


@dataclass
class Product:
    """A running `manage.py serve` with its data."""

    port: int
    data: Path
    demo: bool = True
    process: subprocess.Popen[str] | None = None
    log: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 100}"

    @property
    def environment(self) -> dict[str, str]:
        names = {
            "DATABASE_URL",
            "REDIS_URL",
            "CELERY_BROKER_URL",
            "DJANGO_SETTINGS_MODULE",
            "EMBEDDED_WORKER",
        }
        kept = {name: text for name, text in os.environ.items() if name not in names}
        return {
            **kept,
            "DEBUG": "on",
            "DEMO": "on" if self.demo else "off",
            "DATA_DIR": str(self.data),
            "SWEEP_SECONDS": "1",
        }

    def start(self) -> None:
        self.log = self.data / "serve.log"
        starts = self.words().count("Ready:")
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        deadline = time.monotonic() + 300
        while self.words().count("Ready:") == starts:
            assert self.process.poll() is None, self.words()
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.2)

    def words(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log and self.log.exists() else ""

    def stop(self) -> int:
        """As Ctrl-C does; the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(port=free_port(), data=tmp_path_factory.mktemp("product"))
    try:
        product.start()
        yield product
        # After all that was clicked, the transcript still says what the facts say.
        check = product.manage("rebuild_records", "--check")
        assert check.returncode == 0, check.stdout + check.stderr
    finally:
        if product.process and product.process.poll() is None:
            product.stop()


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """The machine may have much else to do."""
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """People click what they see once the page is there. A test would click sooner, what no script knows yet."""
    click = Locator.click

    def click_when_loaded(self: Locator, **options: Any) -> None:
        self.wait_for(state="attached")
        self.page.wait_for_load_state()
        click(self, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Locator, "click", click_when_loaded)
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "Chromium is not installed; make test-e2e installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(product: Product, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page("learner", color_scheme="dark", width=390)` is a signed-in page of a context of its own.

    A message on the browser's console fails the test: under a strict policy it means something was blocked.
    """
    contexts: list[BrowserContext] = []
    messages: list[str] = []

    def open_page(who: str | None = None, *, width: int = 1280, color_scheme: str = "light") -> Page:
        options: Any = {"color_scheme": color_scheme, "viewport": {"width": width, "height": 900}}
        context = browser.new_context(base_url=product.url, locale="en-US", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: messages.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: messages.append(f"{page.url}: {error}"))
        if who:
            sign_in(page, f"{who}@demo.example")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert messages == []


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=re.compile("^Sign in$")).click()


# Colors on their way to others have no contrast, least of all where a theme was changed.
TRANSITIONS_END = """() => Promise.allSettled(
  document.getAnimations().filter((each) => each instanceof CSSTransition).map((each) => each.finished)
)"""


def assert_accessible(page: Page) -> None:
    page.evaluate(TRANSITIONS_END)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keep a screenshot for the manuals; only `make docs` asks for them."""
    folder = os.environ.get("SCREENSHOTS")

    def picture(page: Page, name: str) -> None:
        if folder:
            # Hiding the caret would take an inline style, which the policy forbids.
            page.screenshot(path=ROOT / folder / f"{name}.png", caret="initial")

    return picture
