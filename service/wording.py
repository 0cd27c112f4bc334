"""Which wording of a text about an alert a person gets: the same each time it is sent."""

from collections.abc import Sequence

from service.domain.variants import Slot, chosen
from service.vault.keys import Purpose
from service.vault.vault import Vault


def wording(vault: Vault, slots: Sequence[Slot], person: int, alert: int) -> tuple[int, ...]:
    """The wording of each slot that is this person's. Raises KeyNotHeld outside the sender."""
    if not slots:
        return ()
    return chosen(vault.blind(Purpose.VARIANTS, f"{person}/{alert}"), slots)
