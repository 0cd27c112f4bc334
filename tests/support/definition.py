"""What rules mean, written down a second time: by brute force, over all that is known at once.

It shares no code with the engine but the distance, and the statistics of what is unusual, which
have tests of their own. It is slow, and plain: it is what the engine is held to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from service.domain.anomaly import Anomaly, AnomalySpec
from service.domain.evidence import Evidence
from service.domain.geo import Point, distance_km
from service.domain.rule import AllOf, AnyOf, Count, Rule, Unusual, Within
from service.domain.silence import Silence

HOUR = 3600
DIGITS = {"region": 4, "cercle": 6, "commune": 8}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Shape = tuple[int, str, tuple[int, ...], tuple[int, ...], str | None]
"""Opener, severity, anchors, evidence and what suppresses it, of one episode."""


@dataclass(frozen=True)
class Definition:
    """Rules and what surrounds them. Areas are pcodes; markets are (place, point, weekday)."""

    rules: Sequence[Rule]
    in_season: Callable[[Evidence], bool]
    zone: tzinfo
    silences: Sequence[Silence] = ()
    markets: Sequence[tuple[str, Point, str]] = ()

    def episodes(self, evidence: Iterable[Evidence]) -> dict[str, list[Shape]]:
        """Return every rule's episodes, in the order in which they were opened."""
        reports = counted(evidence)
        found: dict[str, list[dict]] = {}
        while len(found) < len(self.rules):
            for rule in self.rules:
                inhibitor = self._inhibitor(rule)
                if rule.id not in found and (inhibitor is None or inhibitor.id in found):
                    found[rule.id] = self._episodes(rule, reports)
                    for episode in found[rule.id]:
                        others = found[inhibitor.id] if inhibitor else []
                        episode["by"] = self._suppressor(rule, episode, inhibitor, others)
        return {
            rule.id: [_shape(rule, episode) for episode in found[rule.id]] for rule in self.rules
        }

    def met(self, rule: Rule, reports: Sequence[Evidence]) -> list[tuple[Evidence, list[Evidence]]]:
        """Return the anchors at which a rule is met, each with what it sees."""
        found = []
        unusual = _anomaly(rule, reports)
        for a in reports:
            seen = self._seen(rule, reports, a, unusual)
            needed = 1
            if rule.only_in and not self.in_season(a):
                needed = rule.outside.at_least if rule.outside else len(reports) + 1
            if len(seen) >= needed and any(s.verified for s in seen):
                found.append((a, seen))
        return found

    def _episodes(self, rule: Rule, reports: Sequence[Evidence]) -> list[dict]:
        episodes: list[dict] = []
        for a, seen in self.met(rule, reports):
            for episode in episodes:
                opener = episode["in"][0]
                near = any(self._near(rule, a, b) for b in episode["in"])
                if near and a.at - opener.at < rule.alert.quiet_for * HOUR:
                    break
            else:
                episode = {"in": [], "seen": []}
                episodes.append(episode)
            episode["in"].append(a)
            episode["seen"].append(seen)
        return episodes

    def _near(self, rule: Rule, a: Evidence, b: Evidence) -> bool:
        """Whether two anchors are of one cluster, area or place; what is silenced is apart."""
        if (self._silence(rule, a) is None) != (self._silence(rule, b) is None):
            return False
        if isinstance(rule.when, Unusual) and a.type != b.type:
            return False
        return self._close(rule, a, b)

    def _close(self, rule: Rule, a: Evidence, b: Evidence) -> bool:
        one_per = rule.alert.one_per
        if one_per == "place":
            return a.place == b.place
        if one_per != "cluster":
            return _same_area(one_per, a, b)
        if isinstance(rule.when, Unusual):
            return _same_area("cercle", a, b)
        withins = [count.within for count in rule.counts()]
        if hasattr(rule.when, "then"):
            withins.append(rule.when.within)
        return any(_together(within, a, b) for within in withins)

    def _inhibitor(self, rule: Rule) -> Rule | None:
        found = (each for each in self.rules if each.id == rule.alert.inhibited_by)
        return next((each for each in found if each.status == "live"), None)

    def _silence(self, rule: Rule, a: Evidence) -> str | None:
        for silence in self.silences:
            if (
                silence.rule in ("any", rule.id)
                and (silence.area == "any" or a.area.startswith(silence.area))
                and (silence.from_ or a.at) <= a.at < silence.until
            ):
                return silence.id
        return None

    def _suppressor(
        self, rule: Rule, episode: dict, inhibitor: Rule | None, others: list[dict]
    ) -> str | None:
        opener = episode["in"][0]
        if silence := self._silence(rule, opener):
            return f"silence:{silence}"
        for other in others:
            raised = other["in"][0]
            if (
                other["by"] is None
                and 0 <= opener.at - raised.at < inhibitor.alert.quiet_for * HOUR
                and any(b.at <= opener.at and self._close(rule, opener, b) for b in other["in"])
            ):
                return f"{inhibitor.id}:{raised.id}"
        return None

    def _seen(
        self, rule: Rule, reports: Sequence[Evidence], a: Evidence, unusual: Anomaly | None
    ) -> list[Evidence]:
        """Return what is seen from a report if the condition is met there, else nothing."""
        when = rule.when
        if isinstance(when, Count):
            return self._enough(when, reports, a) if _counts(when, a) else []
        if isinstance(when, AllOf):
            if not any(_counts(count, a) for count in when.all_of):
                return []
            parts = [self._enough(count, reports, a) for count in when.all_of]
            return _union(parts) if all(parts) else []
        if isinstance(when, AnyOf):
            own = [count for count in when.any_of if _counts(count, a)]
            return _union(self._enough(count, reports, a) for count in own)
        if isinstance(when, Unusual):
            assert unusual is not None
            return _unusual(rule, reports, a, unusual)
        then = self._enough(when.then, reports, a) if _counts(when.then, a) else []
        firsts = [
            self._enough(when.first, reports, f)
            for f in reports
            if f.id != a.id
            and a.at - when.within.hours * HOUR < f.at <= a.at
            and _together(when.within, f, a)
            and _counts(when.first, f)
        ]
        return _union([then, *firsts]) if then and any(firsts) else []

    def _enough(self, count: Count, reports: Sequence[Evidence], a: Evidence) -> list[Evidence]:
        seen = [
            s
            for s in reports
            if _counts(count, s)
            and a.at - count.within.hours * HOUR < s.at <= a.at
            and _together(count.within, s, a)
        ]
        if (
            len(seen) < count.at_least
            or len({s.reporter for s in seen}) < count.distinct_reporters
            or self._toll(seen, "killed") < (count.killed or 0)
            or self._toll(seen, "injured") < (count.injured or 0)
        ):
            return []
        day = DAYS[self._day(a).weekday()]
        if count.weekdays and day not in count.weekdays:
            return []
        if count.market_day and not any(
            day == held and (place == a.place or distance_km(point, a.point) <= 5)
            for place, point, held in self.markets
        ):
            return []
        return seen

    def _toll(self, seen: Sequence[Evidence], what: str) -> int:
        """Add up what is said of places and days, of each the gravest."""
        told = {(s.type, s.place, self._day(s)) for s in seen}
        return sum(
            max(getattr(s, what) for s in seen if (s.type, s.place, self._day(s)) == each)
            for each in told
        )

    def _day(self, e: Evidence) -> datetime:
        return datetime.fromtimestamp(e.at, self.zone).replace(hour=0, minute=0)


def counted(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Return what is no repeat, in the order (at, id), as verified as it is with its repeats."""
    last: dict[tuple, int] = {}
    kept: dict[tuple, list[Evidence]] = {}
    for e in sorted(evidence, key=lambda e: (e.at, e.id)):
        whose = (e.reporter, e.type, e.place)
        if whose not in last or e.at - last[whose] >= 6 * HOUR:
            last[whose] = e.at
            kept[*whose, e.at] = []
        kept[*whose, last[whose]].append(e)
    heads = [replace(said[0], verified=any(e.verified for e in said)) for said in kept.values()]
    return sorted(heads, key=lambda e: (e.at, e.id))


def _counts(count: Count | Unusual, e: Evidence) -> bool:
    return count.types == "any" or e.type in count.types


def _together(within: Within, a: Evidence, b: Evidence) -> bool:
    if within.km is not None:
        return distance_km(a.point, b.point) <= within.km
    return a.place == b.place if within.place else _same_area(within.area, a, b)


def _same_area(level: str, a: Evidence, b: Evidence) -> bool:
    return a.area[: DIGITS[level]] == b.area[: DIGITS[level]]


def _union(parts: Iterable[Sequence[Evidence]]) -> list[Evidence]:
    return list({e.id: e for part in parts for e in part}.values())


def _anomaly(rule: Rule, reports: Sequence[Evidence]) -> Anomaly | None:
    if not isinstance(rule.when, Unusual):
        return None
    anomaly = Anomaly(AnomalySpec(**rule.when.anomaly.model_dump()))
    for e in reports:
        if _counts(rule.when, e):
            anomaly.add(e.area[: _digits(rule)], e.type, e.at)
    return anomaly


def _unusual(
    rule: Rule, reports: Sequence[Evidence], a: Evidence, anomaly: Anomaly
) -> list[Evidence]:
    area = a.area[: _digits(rule)]
    verdict = anomaly.judge(area, a.type, a.at) if _counts(rule.when, a) else None
    if verdict is None or not verdict.met:
        return []
    return [
        s
        for s in reports
        if s.type == a.type
        and s.area[: _digits(rule)] == area
        and a.at - rule.when.anomaly.window * HOUR < s.at <= a.at
    ]


def _digits(rule: Rule) -> int:
    return DIGITS.get(rule.alert.one_per, DIGITS["cercle"])


def _shape(rule: Rule, episode: dict) -> Shape:
    severity = rule.alert.severity
    for step in rule.escalate:
        if max(map(len, episode["seen"])) >= step.at_least:
            severity = step.severity
    ids = tuple(sorted({s.id for seen in episode["seen"] for s in seen}))
    anchors = tuple(a.id for a in episode["in"])
    return anchors[0], severity, anchors, ids, episode["by"]
