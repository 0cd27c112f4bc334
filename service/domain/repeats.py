"""One reporter's repeats of a type and place within six hours are one report."""

from bisect import bisect_left
from typing import NamedTuple

from service.domain.evidence import Evidence

REPEAT_SECONDS = 6 * 3600

_Series = list[tuple[int, int, Evidence]]


class Change(NamedTuple):
    """Reports that no longer count, and reports that now do."""

    lost: list[Evidence]
    gained: list[Evidence]

    def then(self, later: "Change") -> "Change":
        """Return both changes as one: what counts again, or no more, has not changed."""
        return Change(
            [e for e in self.lost if e not in later.gained]
            + [e for e in later.lost if e not in self.gained],
            [e for e in self.gained if e not in later.lost]
            + [e for e in later.gained if e not in self.lost],
        )


NO_CHANGE = Change([], [])


class Repeats:
    """Which evidence counts: of each reporter, type and place, what is not a repeat.

    In the order (at, id), a report counts if it comes six hours or more after the last one that
    counted. A late report may so make others repeats, and a retracted one may make repeats count.
    """

    def __init__(self) -> None:
        self.counted: dict[int, Evidence] = {}
        self._series: dict[tuple[int, str, str], _Series] = {}

    def add(self, evidence: Evidence) -> Change:
        series = self._series.setdefault(_whose(evidence), [])
        if not series or series[-1][0] + REPEAT_SECONDS <= evidence.at:
            series.append((evidence.at, evidence.id, evidence))
            self.counted[evidence.id] = evidence
            return Change([], [evidence])
        index = bisect_left(series, evidence.key)
        series.insert(index, (evidence.at, evidence.id, evidence))
        change = Change([], [])
        self._recount(series, index, change)
        return change

    def remove(self, evidence: Evidence) -> Change:
        """Take out evidence that was added."""
        series = self._series[_whose(evidence)]
        index = bisect_left(series, evidence.key)
        del series[index]
        change = Change([], [])
        if self.counted.pop(evidence.id, None):
            change.lost.append(evidence)
            self._recount(series, index, change)
        return change

    def drop(self, evidence: Evidence) -> None:
        """Take out evidence so old that what follows it can no longer be a repeat of it."""
        whose = _whose(evidence)
        series = self._series[whose]
        del series[bisect_left(series, evidence.key)]
        self.counted.pop(evidence.id, None)
        if not series:
            del self._series[whose]

    def _recount(self, series: _Series, start: int, change: Change) -> None:
        """Count anew from `start` until a report counts as it did before: so do all after it."""
        last = self._last_counted(series, start)
        free_from = series[last][0] + REPEAT_SECONDS if last >= 0 else None
        for at, id_, evidence in series[start:]:
            counts = free_from is None or at >= free_from
            counted = id_ in self.counted
            if counts:
                if counted:
                    return
                free_from = at + REPEAT_SECONDS
                self.counted[id_] = evidence
                change.gained.append(evidence)
            elif counted:
                del self.counted[id_]
                change.lost.append(evidence)

    def _last_counted(self, series: _Series, end: int) -> int:
        """Return the position of the last counted report before `end`; -1 if there is none."""
        return next((i for i in range(end - 1, -1, -1) if series[i][1] in self.counted), -1)


def _whose(evidence: Evidence) -> tuple[int, str, str]:
    return evidence.reporter, evidence.type, evidence.place
