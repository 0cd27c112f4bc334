"""Numbers in words, put together: `quatre vingt dix` is 90, `deux cent cinq` 205."""

from collections.abc import Sequence

_FOURSCORE = (4, 20)  # the French 80


def compose(values: Sequence[int]) -> tuple[int, int]:
    """The number that the first of these values make together, and how many of them it takes.

    A smaller value is added to a round one (20 and 3), a hundred or thousand multiplies what stands
    before it; whatever does neither begins another number.
    """
    thousands = part = 0
    for used, value in enumerate(values):
        if value == 1000 and not thousands and (part or not used):
            thousands, part = max(part, 1) * 1000, 0
        elif value == 100 and part < 10 and (part or thousands):
            part = max(part, 1) * 100
        elif (part % 100, value) == _FOURSCORE:
            part += 76
        elif not used or 0 < value < _room(part, thousands):
            part += value
        else:
            return thousands + part, used
    return thousands + part, len(values)


def _room(part: int, thousands: int) -> int:
    """What may be added to a number without changing its other digits; 80 takes 19, as 60 does."""
    if not part:
        return thousands and 1000
    if part % 100 in (60, 80):
        return 20
    return next((unit for unit in (100, 10) if part % unit == 0), 0)
