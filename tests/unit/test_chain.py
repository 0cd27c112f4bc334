"""The audit log's chain, entry by entry: every way of breaking it shows."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.chain import START, Fault, Head, Link, Walk, follow, seal

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def linked(contents: Sequence[bytes], key: bytes = KEY, version: int = 1) -> list[Link]:
    """A whole chain of these contents."""
    links: list[Link] = []
    for position, content in enumerate(contents, 1):
        digest = sha256(content).digest()
        hash_ = follow(links[-1].hash if links else START, position, digest)
        links.append(Link(position, digest, hash_, seal(key, hash_), version))
    return links


def fault(
    links: Sequence[Link], *heads: Head, keys: dict[int, bytes] | None = None
) -> Fault | None:
    walk = Walk({1: KEY} if keys is None else keys, heads)
    for link in links:
        if not walk.step(link):
            break
    return walk.end()


WHOLE = linked([b"zero", b"one", b"two", b"three", b"four", b"five"])
HEAD = Head.of(6, WHOLE[5].hash)


def test_a_whole_chain_has_no_fault() -> None:
    assert fault([]) is None
    assert fault(WHOLE) is None
    assert fault(WHOLE, HEAD, Head.of(3, WHOLE[2].hash)) is None


def test_a_changed_entry_shows() -> None:
    changed = [*WHOLE]
    changed[2] = replace(changed[2], content=sha256(b"TWO").digest())
    assert fault(changed) == Fault("altered", 3)


@pytest.mark.parametrize("position", range(5))
def test_a_removed_entry_shows(position: int) -> None:
    assert fault(WHOLE[:position] + WHOLE[position + 1 :]) == Fault("missing", position + 1)


def test_an_entry_removed_and_the_rest_renumbered_shows() -> None:
    rest = [replace(link, position=link.position - 1) for link in WHOLE[3:]]
    assert fault(WHOLE[:2] + rest) == Fault("altered", 3)


def test_an_inserted_entry_shows() -> None:
    moved = [replace(link, position=link.position + 1) for link in WHOLE[3:]]
    assert fault([*WHOLE[:3], replace(WHOLE[2], position=4), *moved]) == Fault("altered", 4)


def test_reordered_entries_show() -> None:
    swapped = [*WHOLE]
    swapped[1], swapped[2] = replace(swapped[2], position=2), replace(swapped[1], position=3)
    assert fault(swapped) == Fault("altered", 2)


@pytest.mark.parametrize("left", range(6))
def test_a_cut_end_shows_against_a_head_that_was_kept(left: int) -> None:
    assert fault(WHOLE[:left]) is None  # the chain itself cannot tell
    assert fault(WHOLE[:left], HEAD) == Fault("cut", 6)


def test_a_chain_made_anew_without_the_key_shows() -> None:
    forged = linked([b"zero", b"ONE", b"two", b"three", b"four", b"five"], OTHER_KEY)
    assert fault(forged) == Fault("unsealed", 1)
    assert fault([*WHOLE[:5], forged[5]]) == Fault("altered", 6)


def test_a_chain_made_anew_with_the_key_shows_against_a_head_on_paper() -> None:
    forged = linked([b"zero", b"ONE", b"two", b"three", b"four", b"five"])
    assert fault(forged) is None
    assert fault(forged, HEAD) == Fault("differs", 6)


def test_entries_under_a_rotated_key_are_guarded_by_those_after_it() -> None:
    before = linked([b"zero", b"one", b"two"], OTHER_KEY, version=1)
    hash_ = follow(before[2].hash, 4, sha256(b"three").digest())
    after = Link(4, sha256(b"three").digest(), hash_, seal(KEY, hash_), 2)
    assert fault([*before, after], keys={2: KEY}) is None

    changed = [replace(before[0], content=sha256(b"ZERO").digest()), *before[1:], after]
    assert fault(changed, keys={2: KEY}) == Fault("altered", 1)
    # Made anew, in the name of the key that is gone: nothing that is held vouches for it.
    anew = linked([b"ZERO", b"one", b"two", b"three"], b"x" * 32, version=1)
    assert fault(anew, keys={2: KEY}) == Fault("uncovered", 1)
    assert fault([*anew[:3], after], keys={2: KEY}) == Fault("altered", 4)


@given(count=st.integers(1, 10**12 - 1), hash_=st.binary(min_size=32, max_size=32))
def test_a_head_is_read_as_it_was_written(count: int, hash_: bytes) -> None:
    head = Head.of(count, hash_)
    assert Head.read(str(head)) == head
    assert Head.read(f"  {str(head).upper()}\n") == head


@pytest.mark.parametrize("written", ["", "6", "6-", "0" + str(HEAD), str(HEAD)[:-1], str(HEAD) * 2])
def test_what_is_no_head_is_not_read(written: str) -> None:
    assert Head.read(written) is None
