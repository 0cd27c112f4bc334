"""The leak searcher finds a number planted in any form, and nothing where nothing is."""

import gzip
import hashlib
import random
import sqlite3
import zlib
from base64 import b64encode, urlsafe_b64encode
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.leaks import Searcher

NUMBERS = [f"+2237{n:07}" for n in (1, 4_681_357, 9_999_999)]
NUMBER = NUMBERS[1]  # +22374681357
SEARCHER = Searcher(NUMBERS)
NOISE = random.Random(7).randbytes(5000)

FORMS: dict[str, bytes] = {
    "E.164": b"+22374681357",
    "international prefix": b"0022374681357",
    "no plus": b"22374681357",
    "glued to digits": b"9922374681357",
    "national": b"74681357",
    "spaced": b"74 68 13 57",
    "E.164 spaced": b"+223 74 68 13 57",
    "dashed": b"74-68-13-57",
    "dotted": b"74.68.13.57",
    "halves": b"7468 1357",
    "no-break spaces": "74\u00a068\u00a013\u00a057".encode(),
    "query string": quote("+223 74 68 13 57").encode(),
    "every byte percent-encoded": b"%37%34%36%38%31%33%35%37",
    "UTF-16 LE": NUMBER.encode("utf-16-le"),
    "UTF-16 BE": NUMBER.encode("utf-16-be"),
    "UTF-16 spaced": "74 68 13 57".encode("utf-16-be"),
    "hex": NUMBER.encode().hex().encode(),
    "upper hex of dotted": b"74.68.13.57".hex().upper().encode(),
    "hex of UTF-16 BE": NUMBER.encode("utf-16-be").hex().encode(),
    **{
        f"base64 at {offset}": b64encode(b"abc"[:offset] + NUMBER.encode() + b"xyz")
        for offset in range(3)
    },
    **{
        f"base64 of spaced UTF-16 at {offset}": urlsafe_b64encode(
            b"abc"[:offset] + "74 68 13 57".encode("utf-16-be")
        )
        for offset in range(3)
    },
    "swapped nibbles": bytes.fromhex("2273641853F7"),
    "swapped nibbles in hex": b"2273641853f7",
    "national swapped nibbles in hex": b"47863175",
    "decimal in JSON": b'{"n": 22374681357}',
    "big-endian": (22374681357).to_bytes(8, "big"),
    "little-endian": (22374681357).to_bytes(8, "little"),
    "SQLite integer": (22374681357).to_bytes(6, "big"),
    "national big-endian": (74681357).to_bytes(8, "big"),
    **{
        f"{name} of {text}": hashlib.new(name, text.encode()).digest()
        for name in ("md5", "sha1", "sha256", "sha512")
        for text in ("+22374681357", "22374681357", "74681357")
    },
    "hex hash": hashlib.sha256(b"74681357").hexdigest().encode(),
    "shortened hex hash": hashlib.sha1(b"22374681357").hexdigest()[:16].upper().encode(),
    "base64 hash": b64encode(hashlib.md5(b"+22374681357").digest()),
}


@pytest.mark.parametrize("planted", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("before", range(9))
def test_a_planted_number_is_found(planted: bytes, before: int) -> None:
    # A full stop on each side keeps the noise's own digits away from the planted ones.
    data = (NOISE * (before // len(NOISE) + 1))[:before] + b"." + planted + b"." + NOISE

    leaks = SEARCHER.search_bytes(data, "log")

    assert {leak.number for leak in leaks} == {1}
    assert all(before <= leak.offset <= before + len(planted) for leak in leaks)


def test_a_number_beside_another_field_of_a_database_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data.sqlite")) as database, database:
        database.execute("create table message (sent_at, reason, received_at)")
        fields = ("2026-11-23 06:39:41.123456", "74681357", "2026-11-23 06:39:41.123456")
        database.execute("insert into message values (?, ?, ?)", fields)
    assert {leak.number for leak in SEARCHER.search_tree(tmp_path)} == {1}


@pytest.mark.parametrize("before", range((1 << 20) - 9, (1 << 20) + 2))
def test_a_number_across_two_blocks_is_found(before: int) -> None:
    assert SEARCHER.search_bytes(bytes(before) + b"74681357" + bytes(9), "log")
    assert SEARCHER.search_bytes(bytes(before) + (22374681357).to_bytes(6, "little"), "log")


def test_a_number_alone_at_both_ends_is_found() -> None:
    assert SEARCHER.search_bytes(b"74681357", "log")


def test_random_data_holds_nothing() -> None:
    assert (
        Searcher(f"+2237{n:07}" for n in range(1000)).search_bytes(
            random.Random(1).randbytes(4 << 20), "noise"
        )
        == []
    )


@pytest.mark.parametrize(
    "harmless",
    [
        b"",
        b"1774681357.25",  # epoch seconds
        b"0.746813571",
        b"+22374681358",
        b"74 68 13 58",
        b"\x00\x00\x00\x05\x35",
    ],
)
def test_other_digits_are_no_number(harmless: bytes) -> None:
    assert SEARCHER.search_bytes(harmless, "log") == []


def test_a_tree_is_searched_with_its_names(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "data.sqlite-wal").write_bytes(NOISE + b"+22374681357" + NOISE)
    (tmp_path / "74681357.txt").write_text("clean")
    (tmp_path / "clean.txt").write_text("nothing here")

    found = {(leak.where, leak.number) for leak in SEARCHER.search_tree(tmp_path)}

    assert found == {(".hidden/data.sqlite-wal", 1), ("the name of 74681357.txt", 1)}


def test_a_leak_does_not_print_the_number() -> None:
    (leak, *_) = SEARCHER.search_text("call +22374681357", "log")

    assert "74681357" not in repr(leak)


def planted_in(layers: str) -> bytes:
    data = b'{"from": "+22374681357", "text": "bonjour"}'
    for layer in reversed(layers.split(" of ")):
        data = {
            "gzip": gzip.compress,
            "zlib": zlib.compress,
            "fast zlib": lambda data: zlib.compress(data, 1),
            "base64": b64encode,
            "url base64": urlsafe_b64encode,
            "hex": lambda data: data.hex().encode(),
            "upper hex": lambda data: data.hex().upper().encode(),
            "UTF-16": lambda data: data.decode().encode("utf-16-le"),
        }[layer](data)
    return data


@pytest.mark.parametrize(
    "layers",
    [
        "gzip",
        "zlib",
        "fast zlib",
        "gzip of UTF-16",
        "base64 of gzip",
        "url base64 of zlib",
        "hex of gzip",
        "upper hex of zlib",
        "base64 of base64",
        "gzip of gzip",
        "gzip of base64 of zlib",
        "hex of base64",
        "base64 of hex of gzip",
    ],
)
@pytest.mark.parametrize("before", [0, 1, 2, 777])
def test_a_number_under_layers_is_found(layers: str, before: int, tmp_path: Path) -> None:
    glued = b"" if before % 2 else b"\n"
    (tmp_path / "log").write_bytes(NOISE[:before] + glued + planted_in(layers) + b"\n" + NOISE)
    assert {leak.number for leak in SEARCHER.search_tree(tmp_path)} == {1}


def test_a_stream_that_was_cut_short_is_searched_as_far_as_it_goes() -> None:
    whole = gzip.compress(b"+22374681357 " + NOISE)
    assert SEARCHER.search_layers(whole[: len(whole) // 2], "log")


def test_layers_of_noise_hold_nothing() -> None:
    noise = b64encode(gzip.compress(NOISE)) + zlib.compress(NOISE) + NOISE * 20
    assert SEARCHER.search_layers(noise, "log") == []
