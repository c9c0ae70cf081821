"""Compiled catalogues of messages, read and written for tests (the format: GNU gettext manual, MO files)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GERMAN = ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po"
MAGIC = 0x950412DE
# What is put in by the code, and what is not read: it stands in every translation as it is.
FIXED = re.compile(r"%\(\w+\)[.\d]*[a-z]|%[.\d]*[a-z](?![a-z])|%%|\{\w*\}|<[^<>]+>|&\w+;")
Messages = dict[str, str]


def read(path: Path) -> Messages:
    """message → translation. The forms of a number are parted by NUL, and a context ends with EOT."""
    data = path.read_bytes()
    magic, _version, count, originals, translations = struct.unpack_from("<5I", data)
    assert magic == MAGIC

    def text(table: int, number: int) -> str:
        length, start = struct.unpack_from("<2I", data, table + 8 * number)
        return data[start : start + length].decode()

    found = {text(originals, number): text(translations, number) for number in range(count)}
    return {message: told for message, told in found.items() if message}


def write(path: Path, messages: Mapping[str, str]) -> None:
    header = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    pairs = sorted((message.encode(), told.encode()) for message, told in {**messages, "": header}.items())
    tables, texts = b"", b""
    start = 28 + 16 * len(pairs)
    for column in (0, 1):
        for pair in pairs:
            tables += struct.pack("<2I", len(pair[column]), start + len(texts))
            texts += pair[column] + b"\0"
    head = struct.pack("<7I", MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + tables + texts)


def forms(text: str) -> list[str]:
    """Of one message or translation: for one thing, and for several."""
    return text.rpartition("\x04")[2].split("\0")


def retold(messages: Messages, tell: Callable[[str], str]) -> Messages:
    """A catalogue of another language, told by `tell`; what is fixed stays."""
    return {message: "\0".join(_with_fixed(form, tell) for form in forms(message)) for message in messages}


def _with_fixed(text: str, tell: Callable[[str], str]) -> str:
    told, at = "", 0
    for fixed in FIXED.finditer(text):
        told += tell(text[at : fixed.start()]) + fixed.group()
        at = fixed.end()
    return told + tell(text[at:])


_HEBREW = str.maketrans("abcdefghijklmnopqrstuvwxyz", "אבגדהוזחטיכלמנסעפצקרשתאבגד")


def hebrew(text: str) -> str:
    """The letters of another script, which runs from right to left, in the place of ours."""
    return text.lower().translate(_HEBREW)
