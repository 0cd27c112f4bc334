"""Traffic analysis: what the telephone company's call records tell of who completed an alert.

An insider holds the records (which number texted the short code and when, and to whom the short
code texted and when), knows where each phone lives, and has read the alert. They cannot read the
focal points' texts: whoever can needs no analysis. For each alert they look for the sender of the
report that completed it: whoever lives in the area that it names and texted in the time in which
the alert was decided. Who is left are the candidates. `guess` goes further: the insider weighs each
candidate's text by how likely it is at its moment as a report, and as anything else (texts that
come soon after a request to check in are likely answers to it), and names the likeliest.

Areas, release and check-ins are decided by the service's own functions. Detection is a stand-in:
an incident is reported by two to four people of one cercle, and the second report completes it.
What people do is assumed, and stands in `Habits`.
"""

import math
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from service.domain.areas import COUNTRY, AreaTree, Membership, finest, in_use
from service.domain.checkins import AreaLevel, CheckInPolicy, plan
from service.domain.release import ReleasePolicy, due, window

BAMAKO = ZoneInfo("Africa/Bamako")
START = date(2026, 1, 1)
K, MARGIN = 5, 2
QUARTERS = (time(0), time(6), time(12), time(18))
BY_DAY = (time(0), time(12), time(18))  # the night waits for the morning
WHOLE_DAYS = (time(0),)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# At once: the alert leaves within so long of the text that completed it.
AT_ONCE = 60.0


@dataclass(frozen=True, slots=True)
class Habits:
    """What people do, as far as the records show it. Times in seconds."""

    own_texts_a_day: float = 0.15  # of each focal point, unasked and about anything
    quarters: tuple[float, ...] = (0.05, 0.40, 0.35, 0.20)  # of what is sent unasked, by quarter
    answers: float = 0.7  # share of requests to check in that are answered
    answer_after: float = 20 * MINUTE  # median; log-normal
    answer_spread: float = 1.2
    incidents_a_day: float = 0.005  # for each focal point
    report_after: float = 2 * HOUR  # mean, after what happened

    def density(self, at: float) -> float:
        """How much of what is sent unasked is sent at this time of the day; 1 on average."""
        return 4 * self.quarters[int(at % DAY // (6 * HOUR))]

    def answer_density(self, after: float) -> float:
        """How densely answers come so long after a request, a second."""
        if after <= 0:
            return 0.0
        z = math.log(after / self.answer_after) / self.answer_spread
        return math.exp(-z * z / 2) / (after * self.answer_spread * math.sqrt(2 * math.pi))


HABITS = Habits()


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run the network. `patient` is the share of reports that wait for a request to
    check in, if one comes within six hours, and are sent as the answer to it.
    """

    name: str
    windows: tuple[time, ...] = ()  # none: every alert at once
    a_day: dict[AreaLevel, int] = field(default_factory=dict)
    patient: float = 0.0


THRICE: dict[AreaLevel, int] = {"cercle": 3}
ONCE: dict[AreaLevel, int] = {"cercle": 1}
IMMEDIATE = Setting("at once")
BATCHED = Setting("at 0, 6, 12 and 18 h", QUARTERS)
ASKED = Setting("so, with 3 check-ins a day", QUARTERS, THRICE)
NIGHT_WAITS = Setting("at 0, 12 and 18 h, with 3 check-ins a day", BY_DAY, THRICE)
PATIENT = Setting("so, and reports are sent as the answer to one", BY_DAY, THRICE, 1.0)
DAILY = Setting("at 0 h, with 1 check-in a day", WHOLE_DAYS, ONCE)
SETTINGS = (IMMEDIATE, BATCHED, ASKED, NIGHT_WAITS, PATIENT, DAILY)
SIZES = {60: 1500, 200: 450, 1000: 90}  # focal points: simulated days, for some 400 alerts each


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the insider was left with, alert by alert."""

    setting: str
    people: int
    candidates: tuple[int, ...]
    guessed: int

    @property
    def hidden(self) -> float:
        """The share of alerts with five candidates or more."""
        return sum(count >= 5 for count in self.candidates) / len(self.candidates)

    @property
    def guess(self) -> float:
        """The share of alerts whose sender the insider names."""
        return self.guessed / len(self.candidates)

    @property
    def middle(self) -> float:
        return median(self.candidates)


@dataclass(slots=True)
class _Records:
    """The call records: texts to the short code, and requests from it, by person.

    `answers` is what the records do not show: which text answered which request.
    """

    texts: dict[int, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[tuple[int, float], float] = field(default_factory=dict)

    def text(self, at: float, person: int) -> None:
        self.texts[int(at // DAY)].append((at, person))

    def between(self, start: float, end: float) -> Iterator[tuple[float, int]]:
        for day in range(int(start // DAY), int(end // DAY) + 1):
            yield from (each for each in self.texts.get(day, ()) if start <= each[0] < end)


def country() -> AreaTree:
    """Two régions of three cercles of five communes."""
    areas = {}
    for region in range(1, 3):
        areas[f"R{region}"] = ("région", COUNTRY)
        for cercle in range(1, 4):
            areas[f"R{region}{cercle}"] = ("cercle", f"R{region}")
            for commune in range(1, 6):
                areas[f"R{region}{cercle}{commune}"] = ("commune", f"R{region}{cercle}")
    return AreaTree(areas)


def simulate(
    people: int, days: int, setting: Setting, seed: int = 4, habits: Habits = HABITS
) -> Outcome:
    """Run a network of so many focal points, and let the insider look for every sender."""
    tree = country()
    homes = _homes(tree, people, _stream(seed, people, "homes"))
    used = in_use(tree, [Membership(home, 0, None) for home in homes], 1, K, MARGIN)
    records = _Records()
    _ask(records, tree, homes, used, setting, days, _stream(seed, people, "ask"), habits)
    _write_unasked(records, people, days, _stream(seed, people, "own"), habits)
    happened = _stream(seed, people, "incidents")
    reports = list(_incidents(records, tree, homes, setting, days, happened, habits))
    chance = _stream(seed, people, "guess")
    insider = _Insider(records, tree, homes, setting, habits)
    candidates, guessed = [], 0
    for at, sender, areas in reports:
        named = finest(tree, used, tree.common(areas))
        found = insider.candidates(at, named)
        # Else a figure would be good because the insider looked in the wrong place.
        assert sender in {person for _, person in found}
        candidates.append(len({person for _, person in found}))
        guessed += insider.guess(found, chance) == sender
    return Outcome(setting.name, people, tuple(candidates), guessed)


def _stream(seed: int, people: int, what: str) -> random.Random:
    """Chance of its own for each thing, so that settings differ in nothing else."""
    return random.Random(f"{seed}/{people}/{what}")


def _homes(tree: AreaTree, people: int, chance: random.Random) -> list[str]:
    """Where people are enrolled: more in some communes than in others."""
    communes = sorted(area for area in tree if tree.depth(area) == 3)
    weights = [1 / (1 + rank) ** 0.5 for rank in range(len(communes))]
    chance.shuffle(weights)
    return chance.choices(communes, weights, k=people)


def _ask(
    records: _Records,
    tree: AreaTree,
    homes: Sequence[str],
    used: frozenset[str],
    setting: Setting,
    days: int,
    chance: random.Random,
    habits: Habits,
) -> None:
    """Send the requests of every day, and let people answer."""
    policy = CheckInPolicy(setting.a_day, time(7), time(20), BAMAKO)
    for day in range(days):
        for request in plan(START + timedelta(days=day), used, tree, policy, chance.random):
            asked_at = _seconds(request.due_at)
            for person, home in enumerate(homes):
                if request.area not in tree.path(home):
                    continue
                records.requests[person].append(asked_at)
                if chance.random() < habits.answers:
                    answered_at = asked_at + _answer(chance, habits)
                    records.answers[person, asked_at] = answered_at
                    records.text(answered_at, person)
    for times in records.requests.values():
        times.sort()


def _answer(chance: random.Random, habits: Habits) -> float:
    return chance.lognormvariate(math.log(habits.answer_after), habits.answer_spread)


def _write_unasked(
    records: _Records, people: int, days: int, chance: random.Random, habits: Habits
) -> None:
    """Let people text what is no part of an alert."""
    for person in range(people):
        at = chance.expovariate(habits.own_texts_a_day)
        while at < days:
            records.text(_time_of_day(int(at), chance, habits), person)
            at += chance.expovariate(habits.own_texts_a_day)


def _time_of_day(day: int, chance: random.Random, habits: Habits) -> float:
    (quarter,) = chance.choices(range(4), habits.quarters)
    return day * DAY + (quarter + chance.random()) * 6 * HOUR


def _incidents(
    records: _Records,
    tree: AreaTree,
    homes: Sequence[str],
    setting: Setting,
    days: int,
    chance: random.Random,
    habits: Habits,
) -> Iterator[tuple[float, int, tuple[str, str]]]:
    """Let things happen and be reported; yield when each alert was completed, by whom, and where.

    The last three days raise nothing, so that all that belongs to an alert lies in the records.
    """
    for day in range(days - 3):
        for _ in range(_poisson(habits.incidents_a_day * len(homes), chance)):
            happened = _time_of_day(day, chance, habits)
            cercle = tree.at(chance.choice(homes), "cercle")
            near = [each for each, home in enumerate(homes) if cercle in tree.path(home)]
            if len(near) < 2:
                continue
            witnesses = chance.sample(near, min(len(near), chance.randint(2, 4)))
            sent = []
            for person in witnesses:
                at = happened + chance.expovariate(1 / habits.report_after)
                asked = [each for each in records.requests[person] if 0 <= each - at < 6 * HOUR]
                if chance.random() < setting.patient and asked:
                    at = _answer_with(records, person, min(asked), chance, habits)
                else:
                    records.text(at, person)
                sent.append((at, person))
            (_, first), (at, second) = sorted(sent)[:2]
            yield at, second, (homes[first], homes[second])


def _answer_with(
    records: _Records, person: int, asked_at: float, chance: random.Random, habits: Habits
) -> float:
    """Send a report as the answer to a request, in place of the usual one; return when."""
    if (usual := records.answers.pop((person, asked_at), None)) is not None:
        return usual
    at = asked_at + _answer(chance, habits)
    records.text(at, person)
    return at


def _poisson(mean: float, chance: random.Random) -> int:
    count, product = 0, chance.random()
    while product > math.exp(-mean):
        count, product = count + 1, product * chance.random()
    return count


class _Insider:
    """Looks for the sender of the report that completed an alert."""

    def __init__(
        self,
        records: _Records,
        tree: AreaTree,
        homes: Sequence[str],
        setting: Setting,
        habits: Habits,
    ) -> None:
        self._records = records
        self._tree = tree
        self._homes = homes
        self._setting = setting
        self._habits = habits

    def candidates(self, completed_at: float, named: str) -> list[tuple[float, int]]:
        """The texts that may have completed an alert that names this area."""
        start, end = self._decided_within(completed_at)
        return [
            (at, person)
            for at, person in self._records.between(start, end)
            if named in self._tree.path(self._homes[person])
        ]

    def guess(self, found: Sequence[tuple[float, int]], chance: random.Random) -> int:
        """The likeliest sender; by chance among those who are equally likely."""
        likely: dict[int, float] = defaultdict(float)
        for at, person in found:
            likely[person] += self._odds(at, person)
        return max(likely, key=lambda person: (likely[person], chance.random()))

    def _decided_within(self, completed_at: float) -> tuple[float, float]:
        """The time in which the completing text was sent, as the alert's leaving tells it."""
        if not self._setting.windows:
            leaves = completed_at + AT_ONCE / 2
            return leaves - AT_ONCE, leaves
        policy = ReleasePolicy(frozenset(), self._setting.windows, BAMAKO)
        leaves_at = due("moderate", _moment(completed_at), policy)
        start, end = window(leaves_at - timedelta(seconds=1), policy)
        return _seconds(start), _seconds(end)

    def _odds(self, at: float, person: int) -> float:
        """How likely a text is as a report, against how likely it is as anything else."""
        habits = self._habits
        unasked = habits.density(at) / DAY
        requests = self._records.requests[person]
        latest = bisect_right(requests, at)
        answer = sum(
            habits.answer_density(at - each) for each in requests[max(0, latest - 3) : latest]
        )
        patient = self._setting.patient
        report = (1 - patient) * unasked + patient * answer
        return report / (habits.own_texts_a_day * unasked + habits.answers * answer)


def _moment(seconds: float) -> datetime:
    return datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(seconds=seconds)


def _seconds(moment: datetime) -> float:
    return (moment - _moment(0)).total_seconds()


def main() -> bool:
    """Print the table; whether batches hide senders better than alerts at once, and so on."""
    table = Table("focal points", title="Who completed an alert, to whoever holds call records")
    table.add_column("alerts leave", no_wrap=True)
    for column in ("alerts", "5 candidates or more", "candidates, median", "best guess is right"):
        table.add_column(column, justify="right")
    in_order = True
    for people, days in SIZES.items():
        found = [simulate(people, days, setting) for setting in SETTINGS]
        for each in found:
            alerts = str(len(each.candidates))
            figures = (f"{each.hidden:.0%}", f"{each.middle:.0f}", f"{each.guess:.0%}")
            table.add_row(f"{people:,}", each.setting, alerts, *figures)
        table.add_section()
        hidden = [each.hidden for each in found[:3]]
        in_order &= hidden == sorted(hidden)
    Console(width=140).print(table)
    return in_order
