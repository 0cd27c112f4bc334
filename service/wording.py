"""Which wording of a text about an alert a person gets: the same each time it is sent."""

from collections.abc import Sequence

from service.domain.variants import Slot, chosen
from service.vault.keys import Purpose
from service.vault.vault import Vault


def wording(
    vault: Vault, slots: Sequence[Slot], person: int, alert: int, version: int | None = None
) -> tuple[int, ...]:
    """The wording of each slot that is this person's. Raises KeyNotHeld outside the sender.

    `version` of the keys is that of the text's first claim; the one that seals, where there was
    none or it was retired.
    """
    if not slots:
        return ()
    hashes = vault.blinds(Purpose.VARIANTS, f"{person}/{alert}")
    by_version = dict(zip(vault.versions, hashes, strict=True))
    return chosen(by_version.get(version or 0, hashes[0]), slots)
