"""An explanation in plain sentences, in French or English."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Literal

import yaml
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from handlers.cli.way_words import WayTeller
from service.content import Content
from service.domain.condition import WEEKDAYS
from service.domain.evidence import Check
from service.domain.rule import Rule
from service.explain import Almost, Counted, Explanation, Group, History, Step

Language = Literal["fr", "en"]

_HEADS = {
    "en": {
        "alert": "Alert {number}: {type}, {area}, {day}, {part}; severity {severity}; {state}.",
        "raised": "Decided by the rule {rule}.",
        "waiting": "leaves {due} with all of its window",
        "at_once": "told {at}, at once, as its severity asks",
        "told": "told {at}, at the end of its release window",
        "folded": "told {at} in one text with what was decided before",
        "withdrawn": "withdrawn {at}: its support was gone before it left, so nobody was told",
        "failed": "could not be told {at}: the log says why",
        "late": "It came late: what completes it happened {at}.",
        "why": "Why",
        "counted": "What was counted",
        "people": "From {people} different people: who they are is never shown.",
        "gone": "{gone} more are no longer kept.",
        "followed": "What followed",
        "way": "Who was asked, and when",
        "needless": "What it made needless",
        "rule": "The rule as it read then ({hash})",
        "same": "It still reads so.",
        "changed": "It has been changed since.",
        "gone_rule": "It is no longer among the rules.",
        "no_text": "Its text was not kept.",
        "decided": "What {rule} decided since {since}",
        "near": "What almost met {rule} since {since}, the nearest first",
        "nothing": "Nothing.",
        "trial": " (on trial: nothing was sent)",
        "because": " because of {by}",
        "or": "or:",
        "met": "met",
        "unmet": "not met",
    },
    "fr": {
        "alert": "Alerte {number} : {type}, {area}, {day}, {part} ; gravité {severity} ; {state}.",
        "raised": "Décidée par la règle {rule}.",
        "waiting": "part {due} avec tout ce que sa fenêtre contient",
        "at_once": "dite {at}, aussitôt, comme sa gravité le demande",
        "told": "dite {at}, à la fin de sa fenêtre d'envoi",
        "folded": "dite {at} en un seul texte avec ce qui avait été décidé avant",
        "withdrawn": "retirée {at} : elle n'était plus fondée avant de partir, personne ne l'a eue",
        "failed": "n'a pas pu être dite {at} : le journal dit pourquoi",
        "late": "Elle est venue tard : ce qui la complète s'est passé {at}.",
        "why": "Pourquoi",
        "counted": "Ce qui a été compté",
        "people": "De {people} personnes différentes : qui elles sont n'est jamais montré.",
        "gone": "{gone} autres ne sont plus gardés.",
        "followed": "Ce qui a suivi",
        "way": "Qui a été prévenu, et quand",
        "needless": "Ce qu'elle a rendu inutile",
        "rule": "La règle telle qu'elle était alors ({hash})",
        "same": "Elle est toujours telle.",
        "changed": "Elle a été changée depuis.",
        "gone_rule": "Elle n'est plus parmi les règles.",
        "no_text": "Son texte n'a pas été gardé.",
        "decided": "Ce que {rule} a décidé depuis {since}",
        "near": "Ce qui a failli déclencher {rule} depuis {since}, le plus proche d'abord",
        "nothing": "Rien.",
        "trial": " (à l'essai : rien n'a été envoyé)",
        "because": " à cause de {by}",
        "or": "ou :",
        "met": "rempli",
        "unmet": "non rempli",
    },
}

_KINDS = {
    "en": {
        "raise": "raised, {severity}",
        "escalate": "made graver: {severity}",
        "repeat": "told again, {severity}",
        "correct": "taken back: its support is gone",
        "suppress": "not told{because}",
    },
    "fr": {
        "raise": "levée, {severity}",
        "escalate": "aggravée : {severity}",
        "repeat": "redite, {severity}",
        "correct": "retirée : elle n'est plus fondée",
        "suppress": "non dite{because}",
    },
}

_STATES = {
    "en": {
        "open": "open",
        "acknowledged": "acknowledged",
        "on_the_way": "somebody is on the way",
        "done": "done",
        "corrected": "taken back",
    },
    "fr": {
        "open": "ouverte",
        "acknowledged": "reçue par un intervenant",
        "on_the_way": "un intervenant est en route",
        "done": "terminée",
        "corrected": "retirée",
    },
}
_PARTS = {
    "en": {p: p for p in ("night", "morning", "afternoon", "evening")} | {"day": "day or night"},
    "fr": {
        "night": "nuit",
        "morning": "matin",
        "afternoon": "après-midi",
        "evening": "soir",
        "day": "jour ou nuit",
    },
}
_STATUSES = {
    "en": {"retracted": "taken back", "refuted": "refuted"},
    "fr": {"retracted": "retiré", "refuted": "démenti"},
}

# A check by its name, as a sentence of what was found and what was asked.
_CHECKS = {
    "en": {
        "reports": "reports counted: {value}; the rule asks for {threshold}",
        "distinct_reporters": "different people: {value}; the rule asks for {threshold}",
        "distance_km": "the farthest is {value} km away; the rule looks {threshold} km around",
        "span_hours": "from first to last {value} h; the rule looks less than {threshold} h back",
        "verified": "verified by a PIN: {value}; every rule asks for {threshold}",
        "killed": "killed: {value}; the rule asks for {threshold}",
        "injured": "injured: {value}; the rule asks for {threshold}",
        "area": "all are in one {threshold}: {value}",
        "place": "all are of one place",
        "weekday": "it was {value}; the rule asks for {threshold}",
        "market_day": "market day: {value}; the rule asks for {threshold}",
        "usual": "usual there would be {value}",
        "chance": "so many by chance: {value}; the rule asks for {threshold} or less",
        "season": "the season {threshold} is {value}",
        "inhibited_by": "an alert of {threshold} that says as much: {value}",
        "silenced": "silenced by {value}",
    },
    "fr": {
        "reports": "signalements comptés : {value} ; la règle en demande {threshold}",
        "distinct_reporters": "personnes différentes : {value} ; la règle en demande {threshold}",
        "distance_km": "le plus loin est à {value} km ; la règle regarde à {threshold} km",
        "span_hours": "du premier au dernier {value} h ; la règle regarde moins de {threshold} h",
        "verified": "vérifiés par un PIN : {value} ; toute règle en demande {threshold}",
        "killed": "tués : {value} ; la règle en demande {threshold}",
        "injured": "blessés : {value} ; la règle en demande {threshold}",
        "area": "tous dans une même zone ({threshold}) : {value}",
        "place": "tous d'un même lieu",
        "weekday": "c'était {value} ; la règle demande {threshold}",
        "market_day": "jour de marché : {value} ; la règle demande {threshold}",
        "usual": "d'habitude il y en aurait {value}",
        "chance": "autant par hasard : {value} ; la règle demande {threshold} ou moins",
        "season": "la saison {threshold} est {value}",
        "inhibited_by": "une alerte de {threshold} qui en dit autant : {value}",
        "silenced": "tue par {value}",
    },
}
_JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_FRENCH_DAYS: dict[str, str] = dict(zip(WEEKDAYS, _JOURS, strict=True))
_VALUES = {
    "en": {"None": "none"},
    "fr": {
        "None": "aucune",
        "open": "ouverte",
        "closed": "fermée",
        "yes": "oui",
        "no": "non",
        "another day": "un autre jour",
        **_FRENCH_DAYS,
    },
}


class Teller:
    """Tells explanations in one language, with the content's titles and time zone."""

    def __init__(self, content: Content, language: Language) -> None:
        self._content = content
        self._language: Language = language
        self._heads = _HEADS[language]

    def alert(self, told: Explanation) -> Iterator[str]:
        """An alert, as lines."""
        alert, (raised, *later) = told.alert, told.steps
        yield self._say(
            "alert",
            number=alert.number,
            type=self._type(alert.type),
            area=alert.area,
            day=self._day(alert.day),
            part=_PARTS[self._language][alert.part],
            severity=alert.severity,
            state=_STATES[self._language].get(alert.state, alert.state),
        )
        yield self._say("raised", rule=self._rule(told.rule_id))
        left = self._release(raised)
        yield f"{left[:1].upper()}{left[1:]}."
        if alert.late:
            yield self._say("late", at=self._at(raised.at))
        yield from self._part(self._say("why"), map(self._check, raised.checks))
        yield from self._part(self._say("counted"), self._group(told.counted))
        if later:
            yield from self._part(self._say("followed"), self._steps(later))
        teller = WayTeller(self._content, self._language, self._at, self._type)
        yield from self._part(self._say("way"), teller.lines(told.ways))
        if told.made_needless:
            yield from self._part(self._say("needless"), self._steps(told.made_needless))
        yield from self._part(self._say("rule", hash=told.rule_hash), self._text(told))

    def history(self, told: History) -> Iterator[str]:
        """What a rule decided and almost decided, as lines."""
        facts = {"rule": self._rule(told.rule), "since": self._day(told.since.date())}
        nothing = [self._say("nothing")]
        decided = list(self._steps(told.decided)) or nothing
        yield from self._part(self._say("decided", **facts), decided, first=True)
        near = [line for miss in told.near_misses for line in self._almost(miss)] or nothing
        yield from self._part(self._say("near", **facts), near)

    def _say(self, head: str, **facts: object) -> str:
        return self._heads[head].format_map(facts)

    def _part(self, head: str, lines: Iterable[str], first: bool = False) -> Iterator[str]:
        if not first:
            yield ""
        yield head
        yield from (f"  {line}" for line in lines)

    def _steps(self, steps: Sequence[Step]) -> Iterator[str]:
        for step in steps:
            because = self._say("because", by=step.suppressed_by) if step.suppressed_by else ""
            kind = _KINDS[self._language].get(step.kind, step.kind)
            said = kind.format(severity=step.severity, because=because)
            trial = "" if step.live else self._say("trial")
            release = self._release(step)
            left = f"; {release}" if release else ""
            yield f"{self._at(step.decided_at)}  {step.rule}: {said}{trial}{left}"
            yield from (f"  {self._check(check)}" for check in step.checks)

    def _release(self, step: Step) -> str:
        """When and why responders were told; nothing for what is told nobody."""
        if step.release is None or step.due_at is None:
            return ""
        if step.released_at is None:
            return self._say("waiting", due=self._at(step.due_at))
        policy = self._content.release
        by_window = step.due_at.astimezone(policy.zone).time() in policy.ends
        waited = by_window and step.severity not in policy.at_once
        how = "at_once" if step.release == "told" and not waited else step.release
        return self._say(how, at=self._at(step.released_at))

    def _almost(self, miss: Almost) -> Iterator[str]:
        nearest, *others = map(self._sentence, miss.missed)
        yield f"{self._at(miss.at)}  {nearest}"
        yield from (f"  {self._say('or')} {other}" for other in others)
        yield from (f"  {line}" for line in self._group(miss.counted))

    def _group(self, group: Group) -> Iterator[str]:
        yield from map(self._counted, group.reports)
        yield self._say("people", people=group.people)
        if group.gone:
            yield self._say("gone", gone=group.gone)

    def _counted(self, report: Counted) -> str:
        cercle = f" ({report.cercle})" if report.cercle else ""
        status = _STATUSES[self._language].get(report.status)
        note = f", {status}" if status else ""
        return f"{self._at(report.at)}  {self._type(report.type)}, {report.place}{cercle}{note}"

    def _check(self, check: Check) -> str:
        verdict = self._say("met" if check.met else "unmet")
        width = max(len(self._say("met")), len(self._say("unmet")))
        return f"{verdict:<{width}}  {self._sentence(check)}"

    def _sentence(self, check: Check) -> str:
        """A check of one part of a condition begins with the part's number or name."""
        part, _, name = check.name.rpartition(".")
        known = _CHECKS[self._language].get(name, name + ": {value} / {threshold}")
        said = known.format(value=self._value(check.value), threshold=self._value(check.threshold))
        return f"{part}: {said}" if part else said

    def _value(self, value: float | str | None) -> str:
        if isinstance(value, int | float):
            tiny = 0 < abs(value) < 0.001
            return f"{value:.0e}" if tiny else str(format_decimal(value, locale=self._language))
        if value in self._content.tree:
            return self._content.tree.name(str(value))
        known = _VALUES[self._language]
        return ", ".join(known.get(word, word) for word in str(value).split(","))

    def _text(self, told: Explanation) -> Iterator[str]:
        now = told.rule_now if told.rule_now != "gone" else "gone_rule"
        yield self._say(now)
        yield from as_yaml(told.rule) if told.rule else (self._say("no_text"),)

    def _rule(self, rule_id: str) -> str:
        titles = {rule.id: rule.title for rule in self._content.rules}.get(rule_id, {})
        title = titles.get(self._language)
        return f"{rule_id} ({title})" if title else rule_id

    def _type(self, type_id: str) -> str:
        known = {each.id: each.title for each in self._content.codebook.types}
        return known.get(type_id, {}).get(self._language, type_id)

    def _at(self, moment: datetime) -> str:
        local = moment.astimezone(self._content.timezone)
        return str(format_datetime(local, "EEE d MMM y HH:mm", locale=self._language))

    def _day(self, day: date) -> str:
        return str(format_date(day, "EEE d MMM y", locale=self._language))


def as_yaml(rule: dict[str, Any]) -> list[str]:
    """A rule as it would be written, its parts in their usual order."""
    order: Callable[[str], int] = list(Rule.model_fields).index
    ordered = {key: rule[key] for key in sorted(rule, key=order)}
    text = yaml.safe_dump([ordered], allow_unicode=True, sort_keys=False, width=96)
    return text.splitlines()
