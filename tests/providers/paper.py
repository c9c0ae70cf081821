"""A provider on paper: Credly's and Accredible's templates as a list in memory, answered at the HTTP seam.

For tests of what we do with templates; how they are read over a wire is tested with the sandbox.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, uuid5

import responses

CREDLY = "https://sandbox-api.credly.com/v1"
ACCREDIBLE = "https://sandbox.api.accredible.com/v1"
Answer = tuple[int, dict[str, str], str]


def template_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def template(name: str, /, **given: Any) -> dict[str, Any]:
    return {
        "id": template_id(name),
        "name": name,
        "description": f"What it takes to have {name}.",
        "state": "active",
        "image_url": f"https://images.example.org/{template_id(name)}.png",
        "url": f"https://www.credly.com/org/us/badge/{template_id(name)}",
        "allow_duplicate_badges": False,
        **given,
    }


def credentials(authorization: str) -> list[str]:
    """A header of either vendor as it is, and everything that can be read in it."""
    credential = authorization.rpartition(" ")[2]
    if authorization.startswith("Basic "):
        return [
            authorization,
            credential,
            b64decode(credential).decode(),
            b64decode(credential).decode()[:-1],
        ]
    return [authorization, credential, credential.removeprefix("token=")]


@dataclass
class Paper:
    """`refuse` answers every request with that status; `fail_page` only one page of the list.

    `echo`: what it says repeats the credentials that it was sent.
    """

    templates: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    per_page: int = 50
    refuse: int = 0
    sentence: str = ""
    fail_page: int = 0
    left_out: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    before_answer: Any = None
    echo: bool = False

    def add(self, *names: str, **given: Any) -> None:
        self.templates += [template(name, **given) for name in names]

    def change(self, name: str, /, **given: Any) -> None:
        next(row for row in self.templates if row["id"] == template_id(name)).update(given)

    def remove(self, name: str) -> None:
        self.templates = [row for row in self.templates if row["id"] != template_id(name)]

    def answer(self, request: Any) -> Answer:
        parts = urlsplit(request.url)
        query = parse_qs(parts.query)
        self.asked.append(f"{request.method} {parts.path}")
        if self.echo:
            self.sentence = " ".join(credentials(request.headers["Authorization"]))
        if self.before_answer:
            self.before_answer()
        page = int(query.get("page", ["1"])[0])
        if self.refuse:
            return self._refusal(self.refuse)
        steps = parts.path.removeprefix("/v1/").strip("/").split("/")
        if steps[0] == "issuer":
            return self._accredible(steps[1:], json.loads(request.body or "{}"))
        match steps[2:]:
            case []:
                return self._sent({"data": {"id": steps[1], "name": "Brackenfold"}})
            case ["badge_templates"] if self.fail_page == page:
                return self._refusal(503)
            case ["badge_templates"]:
                return self._listed(parts, page=page)
            case ["badge_templates", pk]:
                found = [row for row in self.templates if row["id"] == pk]
                return self._sent({"data": found[0]}) if found else self._refusal(404)
        return self._sent({"data": [], "metadata": {"next_page_url": None}})

    def _listed(self, parts: Any, *, page: int) -> Answer:
        rows = [row for row in self.templates if row["state"] == "active" and row["id"] not in self.left_out]
        here = rows[(page - 1) * self.per_page : page * self.per_page]
        more = len(rows) > page * self.per_page
        link = f"{parts.scheme}://{parts.netloc}{parts.path}?page={page + 1}" if more else None
        return self._sent({"data": here, "metadata": {"next_page_url": link}})

    def _accredible(self, steps: list[str], body: dict[str, Any]) -> Answer:
        match steps:
            case ["details"]:
                return self._sent({"issuer": {"id": 1, "name": "Brackenfold"}})
            case ["groups", "search"]:
                meta = {"current_page": 1, "next_page": None, "total_pages": 1}
                return self._sent({"groups": self.groups, "meta": meta})
            case ["groups", pk]:
                found = [row for row in self.groups if str(row["id"]) == pk]
                return self._sent({"group": found[0]}) if found else self._refusal(404)
        return self._refusal(404)

    def _sent(self, body: Any) -> Answer:
        return 200, {}, json.dumps(body)

    def _refusal(self, status: int) -> Answer:
        return status, {}, json.dumps({"data": {"message": self.sentence}})


@contextmanager
def on_paper(*names: str) -> Iterator[Paper]:
    """Every request to Credly's and Accredible's sandboxes is answered from the paper."""
    paper = Paper()
    paper.add(*names)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for method in ("GET", "POST"):
            for base in (CREDLY, ACCREDIBLE):
                mocked.add_callback(method, re.compile(re.escape(base) + "/.*"), callback=paper.answer)
        yield paper
