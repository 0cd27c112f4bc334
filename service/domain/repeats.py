"""One reporter's repeats of a type and place within six hours are one report."""

from bisect import bisect_left
from dataclasses import replace
from itertools import takewhile
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
    What counts is verified if it is or one of its repeats: who forgot the PIN says it again.
    """

    def __init__(self) -> None:
        self.counted: dict[int, Evidence] = {}
        self._series: dict[tuple[int, str, str], _Series] = {}
        self._all_verified = True  # so far: then there is nothing to look for

    def add(self, evidence: Evidence) -> Change:
        series = self._series.setdefault(_whose(evidence), [])
        if not evidence.verified:
            self._all_verified = False
        if not series or series[-1][0] + REPEAT_SECONDS <= evidence.at:
            series.append((evidence.at, evidence.id, evidence))
            self.counted[evidence.id] = evidence
            return Change([], [evidence])
        index = bisect_left(series, evidence.key)
        series.insert(index, (evidence.at, evidence.id, evidence))
        change = Change([], [])
        self._recount(series, index, change)
        if not self._all_verified:
            self._verify(series, index, change)
        return change

    def remove(self, evidence: Evidence) -> Change:
        """Take out evidence that was added."""
        series = self._series[_whose(evidence)]
        index = bisect_left(series, evidence.key)
        del series[index]
        change = Change([], [])
        if counted := self.counted.pop(evidence.id, None):
            change.lost.append(counted)
            self._recount(series, index, change)
        if not self._all_verified:
            self._verify(series, index, change)
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
                change.lost.append(self.counted.pop(id_))

    def _verify(self, series: _Series, index: int, change: Change) -> None:
        """Let what counts be as verified as it is with its repeats, from the last before `index`.

        All that counted before and after it was as verified as it had to be.
        """
        heads = [self._last_counted(series, index)]
        heads += [bisect_left(series, gained.key) for gained in change.gained]
        if index < len(series) and series[index][1] in self.counted:
            heads.append(index)
        for head in heads:
            if head < 0:
                continue
            _, id_, evidence = series[head]
            fresh = replace(evidence, verified=_verified(series, head))
            known = self.counted[id_]
            if known == fresh:
                continue
            self.counted[id_] = fresh
            if known in change.gained:
                change.gained[change.gained.index(known)] = fresh
            else:
                change.lost.append(known)
                change.gained.append(fresh)

    def _last_counted(self, series: _Series, end: int) -> int:
        """Return the position of the last counted report before `end`; -1 if there is none."""
        return next((i for i in range(end - 1, -1, -1) if series[i][1] in self.counted), -1)


def _verified(series: _Series, head: int) -> bool:
    """Return whether the report that counts, or one of its repeats, is verified."""
    until = series[head][0] + REPEAT_SECONDS
    said = takewhile(lambda each: each[0] < until, series[head:])
    return any(evidence.verified for _, _, evidence in said)


def _whose(evidence: Evidence) -> tuple[int, str, str]:
    return evidence.reporter, evidence.type, evidence.place
