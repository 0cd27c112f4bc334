"""The areas that alerts may name: from the store to `domain.areas`, and to who asks about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncConnection

from service.content import Content
from service.domain.areas import COUNTRY, Alerted, AreaTree, Coarsened, Cover, Membership, replay
from service.domain.cover import Wanting
from service.store import AnyRow, people
from service.store import areas as rows
from service.store.areas import COARSEN

_HOUR = 3600


async def cover(tx: AsyncConnection, content: Content, now: datetime) -> Cover:
    """Who stands behind which area now."""
    return _replayed(content, now, await people.memberships(tx), await _past(tx, content))


async def _past(tx: AsyncConnection, content: Content) -> tuple[list[Alerted], list[Coarsened]]:
    # Enrolments are kept to the hour: an alert of that hour is taken to come before them.
    alerts = [
        Alerted(row.area, _seconds(row.released_at) // _HOUR * _HOUR)
        for row in await rows.named(tx)
        if row.area in content.tree
    ]
    return alerts, list(_coarsened(content.tree, await rows.orders(tx)))


def _replayed(
    content: Content,
    now: datetime,
    enrolled: Sequence[AnyRow],
    past: tuple[list[Alerted], list[Coarsened]],
) -> Cover:
    members = [
        Membership(
            row.area, _seconds(row.joined_at), _seconds(row.left_at) if row.left_at else None
        )
        for row in enrolled
        if row.area in content.tree
    ]
    policy = content.areas
    return replay(content.tree, members, _seconds(now), policy.k, policy.margin, *past)


def _coarsened(tree: AreaTree, orders: Sequence[AnyRow]) -> Iterator[Coarsened]:
    """From when to when each area is made coarser; asking twice changes nothing."""
    since: dict[str, int] = {}
    for order in orders:
        area, at = str(order.subject["area"]), _seconds(order.approved_at)
        if area not in tree:
            continue
        if order.act == COARSEN:
            since.setdefault(area, at)
        elif area in since:
            yield Coarsened(area, since.pop(area), at)
    for area, at in since.items():
        yield Coarsened(area, at, None)


async def version(tx: AsyncConnection, in_use: frozenset[str], now: datetime) -> int:
    """The number of this set of areas: of the last one if that is the same, else a new one."""
    last = await rows.last_version(tx)
    if last is not None and set(last.areas) == in_use:
        return int(last.id)
    return await rows.add_version(tx, sorted(in_use), now)


@dataclass(frozen=True, slots=True)
class Shown:
    """One area as coordinators see it. Counts that would tell a person are bands.

    since, version: since when it is in use, and the first version of that time; None if it is not.
    behind: whom an alert points at that names it. steady: how many of its people were there all
    the time that it is in use. named: what alerts say of it now. wanting: what would change that.
    """

    area: str
    name: str
    depth: int
    since: datetime | None
    version: int | None
    behind: str
    steady: str
    named: str
    wanting: Wanting | None

    @property
    def in_use(self) -> bool:
        return self.wanting is None


async def shown(tx: AsyncConnection, content: Content, now: datetime) -> list[Shown]:
    """Every area that has or had people enrolled, in the order of the tree."""
    enrolled = await people.memberships(tx)
    stands = _replayed(content, now, enrolled, await _past(tx, content))
    made = await rows.versions(tx)
    tree = content.tree
    known = {row.area for row in enrolled if row.area in tree}
    listed = {code for area in known for code in tree.path(area)} | {COUNTRY}
    order = sorted(listed, key=lambda code: tree.path(code)[::-1])
    return [_shown(tree, stands, made, code, content.areas.k) for code in order]


def _shown(tree: AreaTree, stands: Cover, made: Sequence[AnyRow], code: str, k: int) -> Shown:
    since = stands.since(code)
    wanting = stands.wanting(code)
    used = wanting is None
    return Shown(
        area=code,
        name=tree.name(code),
        depth=len(tree.path(code)) - 1,
        since=None if since is None else datetime.fromtimestamp(since, UTC),
        version=_version_of(made, code) if used else None,
        behind=band(len(stands.behind(code)), k) if used else "",
        steady=band(stands.steady(code), k) if used else "",
        named=tree.name(stands.named_for(code)),
        wanting=wanting,
    )


def _version_of(made: Sequence[AnyRow], code: str) -> int | None:
    """The first version of the unbroken row of versions, up to the last, that has this area."""
    first = None
    for row in reversed(made):
        if code not in row.areas:
            break
        first = int(row.id)
    return first


def band(count: int, k: int) -> str:
    """A count of people, as coarse as may be shown: by it nobody sees one person come or go."""
    edges = (0, 1, k, 2 * k, 4 * k, 10 * k, 20 * k)
    for low, above in pairwise(edges):
        if low <= count < above:
            return str(low) if above - low == 1 else f"{low}–{above - 1}"
    return f"{edges[-1]}+"


def _seconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
