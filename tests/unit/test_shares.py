"""Shares of the root key: enough of one split make it again; what is wrong is said, not quoted."""

from itertools import combinations

import pytest

from service.vault import shares
from service.vault.keys import WrongShares

ROOTS = {3: bytes(range(32))}
WORDS = shares.split(ROOTS, 3, 2)


def given(*words: str) -> list[shares.Share]:
    found: list[shares.Share] = []
    for each in words:
        shares.add(found, shares.read(each))
    return found


@pytest.mark.parametrize("roots", [ROOTS, {254: b"a" * 32, 255: b"b" * 32}])
def test_any_two_of_three_make_the_root_again(roots: dict[int, bytes]) -> None:
    words = shares.split(roots, 3, 2)

    for two in combinations(words, 2):
        found = given(*two)
        assert shares.missing(found) == 0
        assert shares.combine(found) == roots
    assert shares.missing([]) == shares.missing(given(words[0])) == 1


def test_a_share_may_be_typed_in_capitals_and_with_spaces() -> None:
    found = given(f"  {WORDS[0].upper()} ", WORDS[1].replace(" ", "  "))

    assert shares.combine(found) == ROOTS


def test_too_few_make_nothing() -> None:
    with pytest.raises(WrongShares, match="some are missing"):
        shares.combine(given(WORDS[2]))


def test_each_share_counts_once() -> None:
    with pytest.raises(WrongShares, match="given already"):
        given(WORDS[0], WORDS[0])


def test_shares_of_two_splits_do_not_mix() -> None:
    with pytest.raises(WrongShares, match="of another split"):
        given(WORDS[0], shares.split(ROOTS, 3, 2)[1])


@pytest.mark.parametrize("position", [0, 5, 12, 34])
def test_a_wrong_word_is_noticed_and_not_repeated(position: int) -> None:
    words = WORDS[0].split()
    for wrong in ("zzz", "academic" if words[position] != "academic" else "acid", ""):
        broken = [*words[:position], wrong, *words[position + 1 :]]
        with pytest.raises(WrongShares, match="not a whole share") as raised:
            shares.read(" ".join(broken))
        assert not any(word in str(raised.value).split() for word in (*words[5:], "zzz"))
        assert raised.value.__suppress_context__


def test_swapped_words_are_noticed() -> None:
    words = WORDS[0].split()
    words[7], words[8] = words[8], words[7]
    with pytest.raises(WrongShares):
        shares.read(" ".join(words))


def test_what_is_no_root_key_of_vigie_is_refused() -> None:
    other = shares.generate_mnemonics(1, [(2, 3)], bytes(32))[0]
    with pytest.raises(WrongShares, match="something else"):
        shares.combine(given(other[0], other[1]))
