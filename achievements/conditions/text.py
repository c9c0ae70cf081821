"""Relaxed JSON, as administrators write it, becomes a tree of values that know their place in the text.

Besides strict JSON this reads bare keys, words, dates and times, True and FALSE, single and typographic
quotes, no-break spaces, trailing commas and comments. Forgotten braces, brackets, colons and commas are
errors, but the tree is completed as if they were there, so that the corrected text can be shown. What the
values mean is the affair of language.py: no key and no subject is known here.

Reading takes linear time. The text is cut into tokens once, without backtracking; the parser looks far ahead
over the same tokens again only after an error, and MAX_ERRORS errors end the reading.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_ERRORS = 50
# Depth counts lists of conditions; all but the outermost stand in an object. On top of the deepest come a
# condition and its list of ids, so that a list of conditions that is one too deep cannot hold a condition.
MAX_NESTING = 2 * MAX_DEPTH + 1


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to tell about one place of the text: an error, a hint or a notice.

    `line` and `column` count from 1, `column` in characters. `pointer` is a JSON pointer; a rule written
    without its outer brackets is pointed into as if it had them.
    """

    code: str
    message: str
    line: int
    column: int
    pointer: str


class Stop(Exception):
    """Reading cannot, or should not, go on; the reason is already in the report."""


class Report:
    """What is found while reading one text.

    `is_repaired`: after every error so far the tree was completed to say what was probably meant.
    """

    def __init__(self, text: str) -> None:
        self.errors: list[Remark] = []
        self.hints: list[Remark] = []
        self.notices: list[Remark] = []
        self.is_repaired = True
        self._line_starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def error(self, code: str, message: str, *, at: int, pointer: str, repaired: bool = False) -> None:
        self.errors.append(self._remark(code, message, at=at, pointer=pointer))
        self.is_repaired = self.is_repaired and repaired
        if len(self.errors) == MAX_ERRORS:
            self.is_repaired = False
            raise Stop

    def hint(self, code: str, message: str, *, at: int, pointer: str) -> None:
        self.hints.append(self._remark(code, message, at=at, pointer=pointer))

    def notice(self, code: str, message: str, *, at: int, pointer: str) -> None:
        self.notices.append(self._remark(code, message, at=at, pointer=pointer))

    def _remark(self, code: str, message: str, *, at: int, pointer: str) -> Remark:
        line = bisect_right(self._line_starts, at)
        return Remark(code, message, line, at - self._line_starts[line - 1] + 1, pointer)


def in_text_order(remarks: list[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(remarks, key=lambda remark: (remark.line, remark.column)))


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, true, false, null or text. Bare words, decimals and dates are text that is not `quoted`."""

    at: int
    raw: str
    value: int | bool | str | None
    quoted: bool


@dataclass(frozen=True, slots=True)
class Array:
    at: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member:
    at: int
    key: str
    value: Node


@dataclass(frozen=True, slots=True)
class Object:
    at: int
    members: tuple[Member, ...]


Node = Scalar | Array | Object


def write(node: Node) -> str:
    """The node as strict JSON, keys and order as typed."""
    if isinstance(node, Array):
        return f"[{', '.join(write(item) for item in node.items)}]"
    if isinstance(node, Object):
        members = (f"{_quote(member.key)}: {write(member.value)}" for member in node.members)
        return f"{{{', '.join(members)}}}"
    return _quote(node.value)


def write_rows(tree: Array) -> str:
    """Strict JSON with one line for each item."""
    return f"[{_NEXT_ROW.join(write(item) for item in tree.items)}]"


def shown(text: str) -> str:
    """Found text, fit to stand in a message: short, without characters that cannot be seen or stored."""
    visible = "".join(char if char.isprintable() else "\ufffd" for char in text[:41])
    return f"{visible[:40]}…" if len(visible) > 40 else visible


def pointer_to(*steps: str | int) -> str:
    return "".join(f"/{shown(str(step)).replace('~', '~0').replace('/', '~1')}" for step in steps)


def _quote(value: int | bool | str | None) -> str:
    """Typographic quotes are escaped: read here again they would close the text."""
    escaped = json.dumps(value, ensure_ascii=False)
    return _TYPOGRAPHIC.sub(lambda match: f"\\u{ord(match.group()):04x}", escaped)


_NEXT_ROW = ",\n "


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────

_DOUBLE_QUOTES = '"\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u301d\u301e\u301f\uff02'
_SINGLE_QUOTES = "'`\u00b4\u2018\u2019\u201a\u201b\u2032\u2039\u203a\uff07"
_TYPOGRAPHIC = re.compile(f"[{_DOUBLE_QUOTES[1:]}]")
_INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
_MARKS = r"{}\[\]:,;="

_LINE_END = re.compile(r"\r\n|\r|\n")
_TOKEN = re.compile(
    rf"""(?P<space> [\s{_INVISIBLE}]+ | //[^\r\n]* )
    | (?P<comment> /\* )
    | (?P<mark> [{_MARKS}] )
    | (?P<time> [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt\ ][0-9]{{2}}:[0-9]{{2}}[0-9:.Zz+-]* )
    | (?P<quote> [{_DOUBLE_QUOTES}{_SINGLE_QUOTES}] )
    | (?P<word> [^\s{_INVISIBLE}{_MARKS}{_DOUBLE_QUOTES}{_SINGLE_QUOTES}/]+ )
    | (?P<other> . )""",
    re.VERBOSE | re.DOTALL,
)
_STOP_IN_DOUBLE = re.compile(rf"[\\\r\n{_DOUBLE_QUOTES}]")
_STOP_IN_SINGLE = re.compile(rf"[\\\r\n{_SINGLE_QUOTES}]")
_HEX_ESCAPE = re.compile(r"u([0-9A-Fa-f]{4})")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")

_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", '"': '"', "'": "'"}
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class Fault(NamedTuple):
    code: str
    at: int


class Token(NamedTuple):
    """`kind` is the mark itself, or "name" (a bare word), "literal" (a number, date, time, true, false or
    null), "text" (in quotes), "other" or "end".
    """

    kind: str
    at: int
    end: int
    value: str = ""
    fault: Fault | None = None


_KEYS = frozenset({"name", "text", "literal"})  # a literal, so that it is reported as an unknown key
_VALUES = _KEYS | {"[", "{"}
_COLONS = frozenset(":=")
_COMMAS = frozenset(",;")
_CLOSING = frozenset("]}")


def tokenize(text: str) -> list[Token]:
    """Faults, such as a quote that is never closed, travel with a token: the parser knows their pointer."""
    tokens: list[Token] = []
    at, fault = 0, None
    while match := _TOKEN.match(text, at):
        kind, found, start, at = match.lastgroup, match.group(), at, match.end()
        if kind == "mark":
            tokens.append(Token(found, start, at))
        elif kind in {"word", "time"}:
            tokens.append(Token(_kind_of_word(found), start, at, found))
        elif kind == "other":
            tokens.append(Token("other", start, at, found))
        elif kind == "quote":
            tokens.append(_quoted(text, start))
            at = tokens[-1].end
        elif kind == "comment":
            closing = text.find("*/", at)
            fault = Fault("unclosed_comment", start) if closing < 0 else None
            at = len(text) if closing < 0 else closing + 2
    tokens.append(Token("end", len(text), len(text), "", fault))
    return tokens


def _kind_of_word(word: str) -> str:
    return "literal" if word[0] in "+-.0123456789" or word.casefold() in _LITERALS else "name"


def _quoted(text: str, start: int) -> Token:
    """Any quote of the same family closes: word processors do not care which way theirs point."""
    stops = _STOP_IN_DOUBLE if text[start] in _DOUBLE_QUOTES else _STOP_IN_SINGLE
    parts: list[str] = []
    fault: Fault | None = None
    at = start + 1
    while True:
        stop = stops.search(text, at)
        end = stop.start() if stop else len(text)
        parts.append(text[at:end])
        if stop is None or stop.group() in "\r\n":
            return Token("text", start, end, _joined(parts), fault or Fault("unclosed_text", start))
        if stop.group() != "\\":
            return Token("text", start, stop.end(), _joined(parts), fault)
        char, length = _escaped(text, end)
        fault = fault or (None if char else Fault("unknown_escape", end))
        parts.append(char)
        at = end + length


def _escaped(text: str, at: int) -> tuple[str, int]:
    """The character that the escape at `at` stands for, and the escape's length."""
    code = _HEX_ESCAPE.match(text, at + 1)
    if code:
        return chr(int(code.group(1), 16)), 6
    char = _ESCAPES.get(text[at + 1 : at + 2], "")
    return char, 2 if char else 1


def _joined(parts: list[str]) -> str:
    """The escaped halves of a surrogate pair become one character, a lone half the replacement character."""
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# ── the parser ───────────────────────────────────────────────────────────────────────────────────────────


def parse(text: str, report: Report) -> Array:
    """The rule as a list of nodes. Raises Stop where nothing can be read at all."""
    _refuse_unreadable(text, report)
    return _Parser(text, report).document()


def _refuse_unreadable(text: str, report: Report) -> None:
    """What passes can be stored as text by every database."""
    try:
        size = len(text.encode())
        bad = text.find("\0")
    except UnicodeEncodeError as error:
        size, bad = 0, error.start
    if bad >= 0:
        message = _("This character cannot be read or stored.")
        report.error("unreadable_character", message, at=bad, pointer="")
        raise Stop
    if size > MAX_BYTES:
        message = _("The text has %(size)d bytes; at most %(limit)d are read.")
        report.error("too_long", message % {"size": size, "limit": MAX_BYTES}, at=0, pointer="")
        raise Stop


class _Parser:
    def __init__(self, text: str, report: Report) -> None:
        self.text = text
        self.report = report
        self.tokens = tokenize(text)
        self.index = 0
        self.path: list[str | int] = []
        # The closing marks that are due, innermost last; "" for a list without brackets.
        self.open: list[str] = []

    def document(self) -> Array:
        tree = self.array() if self.next.kind == "[" else self.bare_list()
        self.pass_over_rest()
        return tree

    def bare_list(self) -> Array:
        self.open.append("")
        items = self.items()
        self.open.pop()
        objects = [item for item in items if isinstance(item, Object)]
        if objects and len(items) == 1:
            message = _("There are no square brackets around this condition: it is read as a list of one.")
            self.report.notice("list_of_one", message, at=items[0].at, pointer="")
        elif objects:
            message = _("A second condition starts here: put square brackets around all of them, [ … ].")
            self.error("missing_brackets", message, at=items[1].at, repaired=True)
        return Array(items[0].at if items else 0, items)

    def pass_over_rest(self) -> None:
        while self.next.kind in _CLOSING | _COMMAS:
            self.unexpected(repaired=True)
        if self.next.kind != "end":
            message = _("The rule ended before this; found %(found)s.")
            self.error("text_after_end", message % {"found": self.found()}, at=self.next.at)
        else:
            self.take()

    # containers

    def array(self) -> Array:
        opening = self.enter("]")
        items = self.items()
        self.leave(opening)
        return Array(opening.at, items)

    def object(self) -> Object:
        opening = self.enter("}")
        members = self.members()
        self.leave(opening)
        return Object(opening.at, members)

    def enter(self, closing: str) -> Token:
        if len(self.open) == MAX_NESTING:
            message = _("This is nested more than %(limit)d deep.") % {"limit": MAX_DEPTH}
            self.error("too_deep", message, at=self.next.at)
            raise Stop
        self.open.append(closing)
        return self.take()

    def leave(self, opening: Token) -> None:
        closing = self.open.pop()
        if self.next.kind == closing:
            self.take()
            return
        message = _("%(opening)s is never closed: %(closing)s is missing.")
        names = {"opening": opening.kind, "closing": closing}
        self.error("unclosed", message % names, at=opening.at, repaired=True)

    def at_end(self) -> bool:
        """At the end of the innermost container: a closing mark that is due, or the end of the text.

        A mark that closes nothing is reported and passed over. One that closes an outer container ends the
        inner ones too, which leave() then reports.
        """
        while self.next.kind in _CLOSING and self.next.kind not in self.open:
            self.unexpected(repaired=True)
        return self.next.kind in _CLOSING or self.next.kind == "end"

    def items(self) -> tuple[Node, ...]:
        items: list[Node] = []
        self.pass_over_commas()
        while not self.at_end():
            self.path.append(len(items))
            item = self.object_without_braces() if self.key_length() else self.value()
            self.path.pop()
            if item is not None:
                items.append(item)
            self.separator()
        return tuple(items)

    def object_without_braces(self) -> Object:
        at = self.next.at
        message = _("A condition needs braces around its keys, { … }.")
        self.error("missing_braces", message, at=at, repaired=True)
        return Object(at, self.members())

    def members(self) -> tuple[Member, ...]:
        members: list[Member] = []
        self.pass_over_commas()
        while not self.at_end():
            member = self.member()
            if member is not None:
                members.append(member)
            self.separator()
        return tuple(members)

    def separator(self) -> None:
        if self.next.kind in _COMMAS:
            comma = self.take()
            if comma.kind == ";":
                message = _("Write a comma here, not a semicolon.")
                self.error("missing_comma", message, at=comma.at, repaired=True)
            self.pass_over_commas()
        elif not (self.at_end() or self.at_second_bare_object()):
            message = _("A comma is missing before %(found)s.") % {"found": self.found()}
            self.error("missing_comma", message, at=self.next.at, repaired=True)

    def pass_over_commas(self) -> None:
        while self.next.kind in _COMMAS:
            self.unexpected(repaired=True)

    # members and values

    def member(self) -> Member | None:
        if self.next.kind not in _KEYS:
            message = _("A key is expected here, such as Count; found %(found)s.") % {"found": self.found()}
            self.error("missing_key", message, at=self.next.at)
            if self.next.kind in _VALUES:
                self.value()
            else:
                self.take()
            return None
        at = self.next.at
        key = self.key()
        self.path.append(key)
        value = self.value_of(key, at=at)
        self.path.pop()
        return None if value is None else Member(at, key, value)

    def key(self) -> str:
        """Bare words before a colon are one key: "Lab Profile Ids" is to be reported as it was written."""
        return " ".join([self.take().value for _word in range(self.key_length() or 1)])

    def value_of(self, key: str, *, at: int) -> Node | None:
        has_colon = self.next.kind in _COLONS
        if has_colon and self.take().kind == "=":
            message = _("Write a colon after %(key)s, not an equals sign.") % {"key": shown(key)}
            self.error("missing_colon", message, at=at, repaired=True)
        if self.at_end() or self.next.kind in _COMMAS or self.at_single_key():
            self.error("missing_value", _("%(key)s has no value.") % {"key": shown(key)}, at=at)
            return None
        if not has_colon:
            message = _("A colon is missing after %(key)s.") % {"key": shown(key)}
            self.error("missing_colon", message, at=at, repaired=True)
        return self.value()

    def value(self) -> Node | None:
        """Takes at least one token. None, with an error, where no value starts."""
        match self.next.kind:
            case "[":
                return self.array()
            case "{":
                return self.object()
            case "text":
                token = self.take()
                return Scalar(token.at, self.text[token.at : token.end], token.value, quoted=True)
            case "literal":
                token = self.take()
                return Scalar(token.at, token.value, _literal(token.value), quoted=False)
            case "name":
                return self.bare_words()
            case _:
                self.unexpected()
                return None

    def bare_words(self) -> Scalar:
        """Words are one value, as in Subject: Course Tag; only the last may be the next key already."""
        count = self.words_ahead()
        if count > 1 and self.kind_ahead(count) in _COLONS:
            count -= 1
        words = [self.take() for _word in range(count)]
        raw = self.text[words[0].at : words[-1].end]
        return Scalar(words[0].at, raw, " ".join(word.value for word in words), quoted=False)

    # tokens

    @property
    def next(self) -> Token:
        return self.tokens[self.index]

    def kind_ahead(self, distance: int) -> str:
        return self.tokens[min(self.index + distance, len(self.tokens) - 1)].kind

    def words_ahead(self) -> int:
        count = 0
        while self.kind_ahead(count) == "name":
            count += 1
        return count

    def key_length(self) -> int:
        """How many tokens are a key with a colon behind it; 0 where none starts."""
        length = self.words_ahead() or 1
        return length if self.next.kind in _KEYS and self.kind_ahead(length) in _COLONS else 0

    def at_single_key(self) -> bool:
        return self.next.kind in _KEYS and self.kind_ahead(1) in _COLONS

    def at_second_bare_object(self) -> bool:
        """Its missing brackets are reported; that a comma is missing too would only confuse."""
        return self.next.kind == "{" and self.open == [""]

    def take(self) -> Token:
        token = self.next
        if token.fault:
            self.error(token.fault.code, _fault_message(token.fault.code), at=token.fault.at)
        if token.kind != "end":
            self.index += 1
        return token

    def unexpected(self, *, repaired: bool = False) -> None:
        message = _("%(found)s is not expected here.") % {"found": self.found()}
        self.error("unexpected", message, at=self.next.at, repaired=repaired)
        self.take()

    def found(self) -> str:
        return shown(self.text[self.next.at : self.next.end])

    def error(self, code: str, message: str, *, at: int, repaired: bool = False) -> None:
        self.report.error(code, message, at=at, pointer=pointer_to(*self.path), repaired=repaired)


def _literal(word: str) -> int | bool | str | None:
    if word.casefold() in _LITERALS:
        return _LITERALS[word.casefold()]
    # Twenty digits are beyond every limit already; int() of very many would take quadratic time.
    return int(word[:20]) if _INTEGER.fullmatch(word) else word


def _fault_message(code: str) -> str:
    messages = {
        "unclosed_text": _("This quote is not closed on its line."),
        "unknown_escape": _("This backslash escapes nothing that is known."),
        "unclosed_comment": _("This comment is never closed."),
    }
    return messages[code]
