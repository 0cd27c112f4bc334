"""The service's own history as a dataset."""

from datetime import UTC, datetime

from service.backtest.dataset import Dataset, Event, EventsError, Spot
from service.domain.areas import AreaTree, Membership
from service.domain.evidence import Evidence
from service.domain.gazetteer import Gazetteer
from service.store import Store, people, reports

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def history(store: Store, tree: AreaTree, places: Gazetteer) -> Dataset:
    """Return every report that counts and whose place is kept, as it was received, and enrolments.

    Reports that were retracted or refuted since are not in it. A person whose reports of two weeks
    are tied together no more counts as two. Raises EventsError if there is none.
    """
    data = Dataset("this service's own reports", "", tree)
    spots: dict[str, Spot] = {}
    tolls: dict[tuple[str, str, int], int] = {}
    async with store.read() as tx:
        if coarse := await reports.count_coarse(tx):
            data.rows += coarse
            data.left_out["so old that only area and day are kept"] = coarse
        async for report in reports.evidence_since(tx, _EPOCH, exact=True):
            data.rows += 1
            if report.area not in tree:
                data.left_out["in an area that is no more"] += 1
                continue
            if report.place not in spots:
                place = places.by_code(report.place)
                name = place.name if place else report.place
                spots[report.place] = Spot(report.place, name, report.area, report.point)
            toll = _adds(tolls, report)
            spot, at = spots[report.place], report.at
            event = Event(report.id, report.type, spot, at, at, report.killed, report.injured, toll)
            data.events.append(event)
            data.report(len(data.events) - 1, report.reporter, report.known_at)
        for row in await people.memberships(tx):
            if row.area in tree:
                left_at = _seconds(row.left_at) if row.left_at else None
                data.people.append(Membership(row.area, _seconds(row.joined_at), left_at))
    if any(person < 0 for person in data.reporter):
        data.notes.append(
            "Older reports are tied to their senders within one week only: whoever reported in two"
            " weeks counts as two people."
        )
    if not data.events:
        raise EventsError("there are no reports yet: name a file with --events")
    return data


def _adds(tolls: dict[tuple[str, str, int], int], report: Evidence) -> int:
    """Return how many deaths a report adds to what others told of its type, place and day.

    Several people tell of one thing, so the highest number counts, not the sum.
    """
    what = (report.type, report.place, report.at // 86_400)
    before = tolls.get(what, 0)
    tolls[what] = max(before, report.killed)
    return tolls[what] - before


def _seconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
