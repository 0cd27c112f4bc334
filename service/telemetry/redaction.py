"""Cut from a text all that could be a phone number, a key or what somebody wrote.

Encodings are without number, so this does not look for them one by one: a long run of digits, of
hexadecimal or of base64 is cut whatever it is, and so are bytes, escapes, query strings and SQL
parameters. Only dates, times, pcodes and the loopback address are known as harmless and stay.
"""

import re
from typing import Final

CUT: Final = "‹cut›"

_HARMLESS = re.compile(
    r"""(
      (?<![\w+.-]) 20[2-9]\d-[01]\d-[0-3]\d
        (?: [T\ ] [0-2]\d:[0-5]\d (?: :[0-5]\d (?:[.,]\d{1,6})? )? (?:Z|\+00:00)? )? (?![\w.-]*\d)
    | (?<![\w+.-]) (?:127\.0\.0\.1|0\.0\.0\.0) (?: :\d{1,5} )? (?![\w.-]*\d)
    | (?<![\w+.-]) [A-Z]{2} (?:\d\d){1,3} (?!\w)
    )""",
    re.VERBOSE,
)

_PARAMETERS = re.compile(r"\[parameters: .*", re.DOTALL)
_TOKEN = re.compile(r"(/gateways/[^/\s?]*/)(?!\{token\})[^\s'\"<>]*")
_QUERY = re.compile(r"(?<=[\w/])\?[\w%.+~-]+=[^\s'\"<>]*")
# A repr may have been shortened, in the middle of an escape too: one without its closing quote
# ends with its line.
_STRING = r"""(?: '(?:[^'\\\n]|\\.)*+(?:'|\\?(?:\n|$)) | "(?:[^"\\\n]|\\.)*+(?:"|\\?(?:\n|$)) )"""
_BYTES = re.compile(rf"\b[bBxX] {_STRING}", re.VERBOSE)

_HEX = "[0-9a-fA-F]"
_ESCAPE = rf"(?: \\x{_HEX}{{2}} | \\u{_HEX}{{4}} | \\[0-7]{{1,3}} | %{_HEX}{{2}} | &\#?\w{{1,6}}; )"
_ESCAPES = re.compile(rf"{_ESCAPE}{{3,}}", re.VERBOSE)
# \d is a digit of any script; what stands between digits may be anything but a letter.
_DIGITS = re.compile(rf"[+＋]? \d (?: (?: {_ESCAPE} | [\W_] ){{0,3}} \d ){{6,}}", re.VERBOSE)
_HEX_RUN = re.compile(
    rf"0[xX]{_HEX}{{5,}} | {_HEX}{{10,}} | (?:{_HEX}{{2}}[\s:,-]){{5,}}{_HEX}{{2}}",
    re.VERBOSE,
)

_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{10,}={0,2}")
# Three digits in base64: each of the four letters is one of few (RFC 4648, ASCII 0x30 to 0x39).
_BASE64_DIGITS = re.compile(r"(?:[MNO][DTjz][AEIMQUYcgk][wxyz0-5]){2}")
# Words, CamelCase and identifiers have no lone small letter; base64 nearly always has some.
_WORDS = re.compile(r"(?:[A-Z]++|[a-z]{2,}+|\d++)+=*")
_LONGEST_UNCHECKED = 9

_QUOTED = re.compile(rf"(?<!\w) {_STRING}", re.VERBOSE)
# What PostgreSQL adds to an error: the values of the key or row that it refused, without quotes.
_DETAIL = re.compile(r"(\b(?:DETAIL|CONTEXT|HINT):).*", re.DOTALL)
_NAME = re.compile(r"[a-z_][a-z_.]*")


def redact(text: str) -> str:
    """`text` with everything cut that is not plainly harmless. Linear in its length."""
    if _NAME.fullmatch(text):
        return text
    text = _PARAMETERS.sub(f"[parameters: {CUT}]", text)
    text = _TOKEN.sub(rf"\1{CUT}", text)
    text = _QUERY.sub(f"?{CUT}", text)
    text = _BYTES.sub(CUT, text)
    pieces = _HARMLESS.split(text)
    pieces[::2] = map(_cut_runs, pieces[::2])
    return "".join(pieces)


def cut_quoted(text: str) -> str:
    """`text` without its quoted strings, for a library's message: it may quote what it was given.

    So may the details of a database's error, which are cut to the end.

    Names in small letters stay, such as the key of a KeyError.
    """
    return _QUOTED.sub(_cut_unless_name, _DETAIL.sub(rf"\1 {CUT}", text))


def _cut_runs(text: str) -> str:
    text = _ESCAPES.sub(CUT, _DIGITS.sub(CUT, text))
    return _BASE64_RUN.sub(_cut_unless_words, _HEX_RUN.sub(CUT, text))


def _cut_unless_words(run: re.Match[str]) -> str:
    text = run[0]
    if _BASE64_DIGITS.search(text):
        return CUT
    words = re.split("[+/_-]", text)
    plain = all(len(word) <= _LONGEST_UNCHECKED or _WORDS.fullmatch(word) for word in words)
    return text if plain else CUT


def _cut_unless_name(quoted: re.Match[str]) -> str:
    return quoted[0] if _NAME.fullmatch(quoted[0][1:-1]) else f"'{CUT}'"
