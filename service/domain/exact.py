"""Which place may be named exactly, once a coordinator has allowed it."""

from collections import defaultdict
from collections.abc import Iterable

# Of two people who reported a place, each knows who the other was.
ENOUGH = 3


def place_to_name(reports: Iterable[tuple[str, int]], asked: int) -> str | None:
    """The place that most people reported; None where that is not enough of them.

    `reports` are place and reporter of each that stands behind the alert; `asked` is how many
    different people the rule asks for. Of places with as many people each, none is named: what is
    exact must not be a guess.
    """
    people: defaultdict[str, set[int]] = defaultdict(set)
    for place, reporter in reports:
        people[place].add(reporter)
    counts = sorted(((len(who), place) for place, who in people.items()), reverse=True)
    if not counts or counts[0][0] < max(ENOUGH, asked):
        return None
    if len(counts) > 1 and counts[1][0] == counts[0][0]:
        return None
    return counts[0][1]
