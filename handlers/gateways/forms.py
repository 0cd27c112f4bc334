"""Reads the body of a gateway's callback: bytes in, fields out, no I/O.

Never raises, whatever the bytes. Nothing that a phone sent is refused for its spelling: what is not
UTF-8 is read as Windows-1252, a broken percent-escape is kept as it stands, and of a field that
comes twice the first counts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

Form = Mapping[str, str]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

# RFC 2046 section 5.1.1: a boundary is 1 to 70 characters.
_BOUNDARY = re.compile(r';\s*boundary="?([^";]{1,70})"?\s*(?:;|$)', re.IGNORECASE)
_FIELD_NAME = re.compile(
    rb'^content-disposition:[ \t]*form-data[ \t]*;(?:.*;)?[ \t]*name="?([^";\r\n]*)"?',
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a callback cannot be used. `why` is for the answer: it repeats nothing that was sent."""

    why: str


def read_form(content_type: str, body: bytes) -> Form | Refused:
    """The fields of a form, from the Content-Type header as it came and the whole body."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == URLENCODED:
        return _urlencoded(body)
    if kind == MULTIPART:
        boundary = _BOUNDARY.search(content_type)
        if boundary is None:
            return Refused("multipart/form-data needs a boundary")
        return _multipart(body, boundary[1].encode("utf-8", "surrogateescape"))
    return Refused(f"the content type must be {URLENCODED} or {MULTIPART}")


def required(form: Form, *names: str) -> Refused | None:
    """A refusal that names the first field that is not there; an empty one is there."""
    for name in names:
        if name not in form:
            return Refused(f"the field {name} is missing")
    return None


def _urlencoded(body: bytes) -> Form:
    fields: dict[str, str] = {}
    for pair in body.replace(b"+", b" ").split(b"&"):
        name, _, value = pair.partition(b"=")
        fields.setdefault(_unquoted(name), _unquoted(value))
    return fields


def _multipart(body: bytes, boundary: bytes) -> Form | Refused:
    _preamble, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not parts or not parts[-1].startswith(b"--"):
        return Refused("the multipart body is cut short")
    fields: dict[str, str] = {}
    for part in parts[:-1]:
        head, blank_line, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if blank_line and name:
            fields.setdefault(_text(name[1]), _text(value))
    return fields


def _unquoted(raw: bytes) -> str:
    return _text(unquote_to_bytes(raw) if b"%" in raw else raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
