"""Search files and bytes for phone numbers in every form in which they could have leaked.

All forms of all numbers are byte strings ("needles"). The last eight bytes of each, as an integer,
go into one set; a text is read as 64-bit integers at each of the eight alignments, and asked
whether it is disjoint from that set. So the cost does not depend on how many needles there are:
about 100 ns a byte. A few needles are shorter, and take a second pass with 32-bit integers.
"""

import binascii
import hashlib
import os
import re
import struct
import sys
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import phonenumbers

_BLOCK = 1 << 20
_GROUPINGS = ((2, 2, 2, 2), (4, 4), (2, 3, 3), (3, 3, 2))
_SEPARATORS = (" ", "-", ".", "/", "\u00a0", "%20", ", ")
_HASHES = ("md5", "sha1", "sha256", "sha512")
_HASH_PREFIX = 8  # bytes: a hash is often kept shortened


@dataclass(frozen=True, slots=True)
class Leak:
    """One number found: where, at which byte, in which form; `number` is its place in the list."""

    where: str
    offset: int
    form: str
    number: int


@dataclass(frozen=True, slots=True)
class _Needle:
    data: bytes
    form: str
    number: int
    digits: bool = False  # eight bare digits: part of a longer run in a text they mean nothing


class _Table:
    """Needles by the integer that their last bytes make."""

    def __init__(self, format_: Literal["Q", "I"], needles: dict[int, list[_Needle]]) -> None:
        self.format_ = format_
        self.needles = needles
        self.anchors = frozenset(needles)


class Searcher:
    """Knows every form of `numbers` (E.164 strings)."""

    def __init__(self, numbers: Iterable[str]) -> None:
        long: dict[int, list[_Needle]] = defaultdict(list)
        short: dict[int, list[_Needle]] = defaultdict(list)
        for position, number in enumerate(numbers):
            for needle in _needles(number, position):
                size, table = (8, long) if len(needle.data) >= 8 else (4, short)
                table[int.from_bytes(needle.data[-size:], sys.byteorder)].append(needle)
        self._long, self._short = _Table("Q", long), _Table("I", short)

    def search_tree(self, path: Path) -> list[Leak]:
        """Leaks in the content and the names of all files under `path`."""
        leaks = []
        for file in sorted(path.rglob("*")):
            where = str(file.relative_to(path))
            leaks += self.search_bytes(os.fsencode(where), f"the name of {where}")
            if file.is_file():
                leaks += self.search_layers(file.read_bytes(), where)
        return leaks

    def search_layers(self, data: bytes, where: str) -> list[Leak]:
        """Leaks in `data`, and in what it holds that is compressed or encoded."""
        leaks = self.search_bytes(data, where)
        for offset, layer, inner in layers(data):
            leaks += self.search_bytes(inner, f"{where}: {layer} at {offset}")
        return leaks

    def search_text(self, text: str, where: str) -> list[Leak]:
        """Leaks in a text, such as a log line or a page."""
        return self.search_bytes(text.encode("utf-8", "surrogatepass"), where)

    def search_bytes(self, data: bytes, where: str) -> list[Leak]:
        """Leaks in `data`, in the order of their offsets."""
        # A database writes a number and the digits of its neighbour without anything between.
        packed = b"\0" in data
        found = {
            (offset, needle)
            for offset, needle in (*_scan(data, self._long), *_scan(data, self._short))
            if packed or not needle.digits or _stands_alone(data, offset, needle)
        }
        leaks = (Leak(where, offset, needle.form, needle.number) for offset, needle in found)
        return sorted(leaks, key=lambda leak: (leak.offset, leak.form, leak.number))


_GZIP = re.compile(rb"\x1f\x8b\x08")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
# As long as the shortest of what could hide a number that the needles do not find.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(rb"[0-9A-Fa-f]{20,}")
_DEEPEST = 4
_LARGEST = 1 << 26


def layers(data: bytes, depth: int = 1) -> Iterator[tuple[int, str, bytes]]:
    """(offset, layers' names, bytes) of all that decompresses or decodes, and of what is in that.

    Digits in base64 or hex are needles already; here it is what needs another step after it.
    """
    for offset, name, inner in _one_layer(data):
        yield offset, name, inner
        if depth < _DEEPEST:
            for _, names, deeper in layers(inner, depth + 1):
                yield offset, f"{name}, {names}", deeper


def _one_layer(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    for name, begins in (("gzip", _GZIP), ("zlib", _ZLIB)):
        for found in begins.finditer(data):
            inner = _inflated(memoryview(data)[found.start() :])
            if inner:
                yield found.start(), name, inner
    for found in _BASE64.finditer(data):
        run = found[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):  # letters that stand before it may run into it
            letters = run[start : len(run) - ((len(run) - start) % 4 == 1)]
            inner = b64decode(letters + b"=" * (-len(letters) % 4))
            # Most of what looks like base64 is words and hashes: go on where something is in it.
            if _holds_something(inner):
                yield found.start() + start, "base64", inner
    for found in _HEX.finditer(data):
        for start in range(2):  # as above
            digits = found[0][start:]
            inner = binascii.unhexlify(digits[: len(digits) - len(digits) % 2])
            if _holds_something(inner):
                yield found.start() + start, "hex", inner


def _holds_something(data: bytes) -> bool:
    compressed = _GZIP.match(data) or _ZLIB.match(data)
    return bool(compressed) or data.isascii()


def _inflated(data: memoryview) -> bytes:
    """What decompresses, as far as it does: a stream may have been cut short."""
    stream = zlib.decompressobj(47)  # gzip or zlib, as the header says
    try:
        return stream.decompress(data, _LARGEST)
    except zlib.error:
        return b""


def _scan(data: bytes, table: _Table) -> Iterator[tuple[int, _Needle]]:
    size = struct.calcsize(table.format_)
    for block in range(0, len(data), _BLOCK):
        for alignment in range(size):
            start = block + alignment
            view = memoryview(data)[start : start + _BLOCK]
            words = view[: len(view) // size * size].cast(table.format_)
            if table.anchors.isdisjoint(words):
                continue
            for position, word in enumerate(words):
                for needle in table.needles.get(word, ()):
                    offset = start + position * size + size - len(needle.data)
                    if offset >= 0 and data.startswith(needle.data, offset):
                        yield offset, needle


def _stands_alone(data: bytes, offset: int, needle: _Needle) -> bool:
    if data[max(0, offset - 3) : offset] == b"223":
        return True
    end = offset + len(needle.data)
    return not (data[max(0, offset - 1) : offset].isdigit() or data[end : end + 1].isdigit())


def _needles(number: str, position: int) -> Iterator[_Needle]:
    national = str(phonenumbers.parse(number).national_number)
    for text, form in _texts(national):
        for data, encoding in _encodings(text):
            digits = encoding == "text" and text == national
            yield _Needle(data, f"{form}, {encoding}", position, digits)
    for data, form in (*_packed(number, national), *_hashed(number, national)):
        yield _Needle(data, form, position)
    swapped = _swap(national).encode()
    yield _Needle(swapped, "national, swapped nibbles, hex", position, digits=True)


def _texts(national: str) -> Iterator[tuple[str, str]]:
    """The number as people write it. E.164 ends with the national number, which finds it."""
    yield national, "digits"
    for grouping in _GROUPINGS:
        if sum(grouping) == len(national):
            rest = iter(national)
            groups = ["".join(next(rest) for _ in range(size)) for size in grouping]
            for separator in _SEPARATORS:
                yield separator.join(groups), f"grouped by {separator!r}"


def _encodings(text: str) -> Iterator[tuple[bytes, str]]:
    # Without its last byte, little-endian UTF-16 is part of the big-endian form too.
    for data, name in ((text.encode(), "text"), (text.encode("utf-16-le")[:-1], "UTF-16")):
        yield data, name
        yield data.hex().encode(), f"{name}, hex"
        yield data.hex().upper().encode(), f"{name}, hex"
        yield from ((needle, f"{name}, base64") for needle in _base64(data))
    yield "".join(f"%{byte:02X}" for byte in text.encode()).encode(), "percent"
    yield "".join(f"%{byte:02x}" for byte in text.encode()).encode(), "percent"


def _base64(data: bytes) -> set[bytes]:
    """What base64 makes of `data` wherever it starts, less the letters its neighbours share."""
    forms = set()
    for before in range(3):
        whole = bytes(before) + data
        first, end = (before * 8 + 5) // 6, len(whole) * 8 // 6
        forms |= {encode(whole)[first:end] for encode in (b64encode, urlsafe_b64encode)}
    return forms


def _swap(digits: str) -> str:
    """Semi-octets (3GPP TS 23.040, 9.1.2.3): each pair of digits swapped, F filling an odd one."""
    padded = digits + "F" * (len(digits) % 2)
    return "".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2))


def _packed(number: str, national: str) -> Iterator[tuple[bytes, str]]:
    swapped = _swap(number[1:])
    yield bytes.fromhex(swapped), "swapped nibbles"
    yield swapped.encode(), "swapped nibbles, hex"
    yield swapped.lower().encode(), "swapped nibbles, hex"
    for order in ("big", "little"):
        # Six bytes are what SQLite stores, and part of the eight of a C long.
        yield int(number).to_bytes(6, order), f"integer, {order}-endian"
        yield int(national).to_bytes(8, order), f"national integer, {order}-endian"


def _hashed(number: str, national: str) -> Iterator[tuple[bytes, str]]:
    for text in (number, number[1:], national):
        for name in _HASHES:
            digest = hashlib.new(name, text.encode()).digest()[:_HASH_PREFIX]
            yield digest, f"{name}, raw"
            yield digest.hex().encode(), f"{name}, hex"
            yield digest.hex().upper().encode(), f"{name}, hex"
            yield from ((needle, f"{name}, base64") for needle in _base64(digest))
