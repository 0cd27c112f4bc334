"""The root key in shares, some of which make it again: lists of words, by SLIP-39.

SLIP-0039 (Shamir's secret sharing with checksums, by SatoshiLabs): a share tells nothing of the
key, a word that is wrong or out of place is noticed, and shares of different splits do not mix.
"""

from collections.abc import Sequence

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics

from service.vault.keys import KEY_BYTES, WrongShares

__all__ = ["Share", "add", "combine", "missing", "read", "split"]

_EACH = 1 + KEY_BYTES  # a version, and its root key


def split(roots: dict[int, bytes], shares: int, needed: int) -> list[str]:
    """As many lists of words, of which any `needed` make the roots again."""
    told = b"".join(bytes([version]) + root for version, root in sorted(roots.items()))
    secret = bytes(len(told) % 2) + told  # SLIP-39 takes an even number of bytes
    (group,) = generate_mnemonics(1, [(needed, shares)], secret)
    return list(group)


def read(words: str) -> Share:
    """One share. Raises WrongShares; no message holds a word of it."""
    try:
        return Share.from_mnemonic(" ".join(words.lower().split()))
    except (MnemonicError, ValueError):
        raise WrongShares(
            "this is not a whole share: a word is missing, misspelt or out of place"
        ) from None


def missing(given: Sequence[Share]) -> int:
    """How many more shares it takes; at least one as long as there is none."""
    if not given:
        return 1
    return max(0, int(given[0].member_threshold) - len(given))


def add(given: list[Share], share: Share) -> None:
    """Put a share to the others. Raises WrongShares where it is none of theirs, or there twice."""
    if any(share.index == other.index and share.identifier == other.identifier for other in given):
        raise WrongShares("this share was given already: take another one")
    if given and share.group_parameters() != given[0].group_parameters():
        raise WrongShares(
            "this share is of another split than the first: all must come from one run of "
            "`vigie keys split`"
        )
    given.append(share)


def combine(given: Sequence[Share]) -> dict[int, bytes]:
    """The roots by version. Raises WrongShares."""
    try:
        secret = combine_mnemonics([share.mnemonic() for share in given])
    except MnemonicError:
        raise WrongShares(
            "these shares do not make a key: some are missing, or one is of another split"
        ) from None
    told = secret[len(secret) % _EACH :]
    roots = {told[at]: told[at + 1 : at + _EACH] for at in range(0, len(told), _EACH)}
    if not roots or 0 in roots:
        raise WrongShares("these shares are of something else than a root key of Vigie")
    return roots
