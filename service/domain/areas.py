"""Which areas alerts may name: what is decided from who was enrolled, and from earlier alerts.

Areas are nodes of one fixed tree (`service.domain.tree`); who stands behind each is kept by
`service.domain.cover`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from service.domain.cover import Cover
from service.domain.tree import COUNTRY, AreaTree, Merge

__all__ = [
    "COUNTRY", "Alerted", "AreaTree", "Coarsened", "Cover", "Membership", "Merge",
    "finest", "in_use", "replay",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Membership:
    """One person's enrolment in an area, without the person; epoch seconds, UTC."""

    area: str
    joined_at: int
    left_at: int | None


@dataclass(frozen=True, slots=True)
class Alerted:
    """That an alert named an area; epoch seconds, UTC."""

    area: str
    at: int


@dataclass(frozen=True, slots=True)
class Coarsened:
    """For how long nothing finer than the area's parent is named, as two coordinators decided."""

    area: str
    since: int
    until: int | None


def in_use(
    tree: AreaTree,
    memberships: Iterable[Membership],
    now: int,
    k: int,
    margin: int,
    alerts: Iterable[Alerted] = (),
    coarsened: Iterable[Coarsened] = (),
) -> frozenset[str]:
    """Return the areas that alerts may name at `now`, as all that happened up to then decides."""
    return replay(tree, memberships, now, k, margin, alerts, coarsened).in_use


def replay(
    tree: AreaTree,
    memberships: Iterable[Membership],
    now: int,
    k: int,
    margin: int,
    alerts: Iterable[Alerted] = (),
    coarsened: Iterable[Coarsened] = (),
) -> Cover:
    """Return the cover at `now`: a function of what happened, so that anyone may check it.

    At one moment an alert comes before who leaves, and they before who joins: an area is never kept
    in use, and nobody is taken for a possible sender, because of people who came just then.
    """
    cover = Cover(tree, k, margin)
    events: list[tuple[int, int, Callable[[], None]]] = []
    for key, member in enumerate(memberships):
        left_at = now + 1 if member.left_at is None else member.left_at
        if left_at > member.joined_at:
            events.append((left_at, 1, partial(cover.leave, key)))
            come = partial(cover.join, key, member.area, member.joined_at)
            events.append((member.joined_at, 2, come))
    events += ((alert.at, 0, partial(cover.alerted, alert.area)) for alert in alerts)
    for order in coarsened:
        events.append((order.since, 3, partial(cover.coarsen, order.area)))
        if order.until is not None:
            events.append((order.until, 4, partial(cover.lift, order.area)))
    past = sorted((event for event in events if event[0] <= now), key=lambda event: event[:2])
    for at, together in groupby(past, key=lambda event: event[0]):
        for _, _, happen in together:
            happen()
        cover.settle(at)
    return cover


def finest(tree: AreaTree, in_use: frozenset[str], area: str) -> str:
    """Return the finest area in use that holds `area`."""
    return next(code for code in tree.path(area) if code in in_use)
