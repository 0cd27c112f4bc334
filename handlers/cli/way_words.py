"""The way of an alert, step by step, in plain sentences, in French or English."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from service.content import Content
from service.ways import Asked, Way

SOON = timedelta(minutes=1)  # what is due is carried out within so much, unless something was wrong

_WORDS = {
    "en": {
        "none": "No step of it is known.",
        "route": "By the route {route} of rules/escalation.yaml{why}",
        "fits": "The first that fits; it is for: {fits}.",
        "all": "The first that fits; it is for every alert.",
        "gone": "The route is no longer in the file; an alert goes on by it as it was.",
        "until": "Nobody further is asked once it is {until}; or taken back.",
        "acknowledge": "acknowledged by {people}",
        "on_the_way": "on the way: {people}",
        "done": "done, as {people} say",
        "or": ", or ",
        ":": ": ",
        "severities": "severity {values}",
        "types": "{values}",
        "areas": "{values}",
        "hours": "what leaves in the hours `{values}`",
        "everybody": "all but the coordinators",
        "on_duty": "on duty by the rota {rota}: {who}",
        "nobody_on_duty": "nobody at that hour",
        "no_function": "without a function",
        "any": ", wherever they serve",
        "local": ", serving the area itself or one in it",
        "wider": ", serving an area that holds it",
        "waiting": "not yet",
        "told": "told {people}",
        "nobody": "nobody to tell who had not been told before",
        "answered": "not needed, it was answered ({at})",
        "corrected": "not needed, the alert was taken back ({at})",
        "graver": "not needed, the alert became graver and set out anew ({at})",
        "in_digest": "{said}, in the digest of {at}",
        "failed": "could not be carried out: the log says why",
        "early": " (due {due}, but there was nobody to wait for)",
        "late": " (due {due})",
        "passed_over": "passed over, since they paused or texts do not reach them: {people}",
    },
    "fr": {
        "none": "Aucune étape n'en est connue.",
        "route": "Par la route {route} de rules/escalation.yaml{why}",
        "fits": "La première qui convient ; elle est pour : {fits}.",
        "all": "La première qui convient ; elle est pour toute alerte.",
        "gone": "La route n'est plus dans le fichier ; une alerte la suit telle qu'elle était.",
        "until": "Plus personne n'est prévenu dès qu'elle est {until} ; ou retirée.",
        "acknowledge": "lue par {people}",
        "on_the_way": "prise en charge : {people} en route",
        "done": "finie, selon {people}",
        "or": ", ou ",
        ":": " : ",
        "severities": "gravité {values}",
        "types": "{values}",
        "areas": "{values}",
        "hours": "ce qui part aux heures « {values} »",
        "everybody": "tous sauf la coordination",
        "on_duty": "de garde selon la rotation {rota} : {who}",
        "nobody_on_duty": "personne à cette heure",
        "no_function": "sans fonction",
        "any": ", où que ce soit",
        "local": ", pour la zone même ou une zone en elle",
        "wider": ", pour une zone qui la contient",
        "waiting": "pas encore",
        "told": "dite à {people}",
        "nobody": "personne à prévenir qui ne l'ait déjà été",
        "answered": "inutile, on avait répondu ({at})",
        "corrected": "inutile, l'alerte était retirée ({at})",
        "graver": "inutile, l'alerte s'était aggravée et est repartie ({at})",
        "in_digest": "{said}, dans le résumé de {at}",
        "failed": "n'a pas pu être faite : le journal dit pourquoi",
        "early": " (due {due}, mais il n'y avait personne à attendre)",
        "late": " (due {due})",
        "passed_over": "passés, car en pause ou sans SMS qui les atteigne : {people}",
    },
}


class WayTeller:
    """Tells the ways of alerts in one language, with the content's titles."""

    def __init__(
        self,
        content: Content,
        language: Literal["fr", "en"],
        at: Callable[[datetime], str],
        type_title: Callable[[str], str],
    ) -> None:
        self._tree = content.tree
        self._language = language
        self._words = _WORDS[language]
        functions = content.escalation.functions
        self._titles = {name: title.get(language, name) for name, title in functions.items()}
        self._titles[""] = self._words["no_function"]
        self._at = at
        self._type_title = type_title

    def lines(self, ways: tuple[Way, ...]) -> Iterator[str]:
        """Each route with why it is the one, and what became of each of its steps."""
        if not ways:
            yield self._words["none"]
        for way in ways:
            yield from self._way(way)

    def _way(self, way: Way) -> Iterator[str]:
        why = way.why if isinstance(way.why, str | None) else way.why.get(self._language)
        yield self._say("route", route=way.route, why=self._words[":"] + why if why else ".")
        if way.fits is None:
            yield self._words["gone"]
        else:
            asked = [self._say(name, values=self._named(name, v)) for name, v in way.fits.items()]
            yield self._say("fits" if asked else "all", fits=", ".join(asked))
        ends = (self._say(kind, people=people) for kind, people in way.until.items())
        yield self._say("until", until=self._words["or"].join(ends))
        for step in way.steps:
            yield from self._step(step)

    def _named(self, name: str, values: object) -> str:
        every = [str(each) for each in (values if isinstance(values, list) else [values])]
        if name == "areas":
            every = [self._tree.name(each) if each in self._tree else each for each in every]
        elif name == "types":
            every = [self._type_title(each) for each in every]
        return ", ".join(every)

    def _step(self, step: Asked) -> Iterator[str]:
        is_done = step.state in ("told", "nobody")
        moment = (step.settled_at if is_done else None) or step.due_at
        whom = f"{self._whom(step)}{self._words[':']}"
        yield f"{step.nth}. {self._at(moment)}  {whom}{self._became(step)}"
        if step.passed_over:
            yield f"   {self._say('passed_over', people=self._people(step.passed_over))}"

    def _whom(self, step: Asked) -> str:
        who = ", ".join(self._titles.get(each, each) for each in step.functions or ())
        if step.rota is not None:
            on_duty = who or self._words["nobody_on_duty"]
            return self._say("on_duty", rota=step.rota, who=on_duty)
        return (who or self._words["everybody"]) + self._words[step.serving or "any"]

    def _became(self, step: Asked) -> str:
        if step.settled_at is None:
            return self._in_digest(step, self._words[step.state])
        if step.state == "stopped":
            return self._say(step.stopped_by or "answered", at=self._at(step.settled_at))
        said = self._in_digest(step, self._say(step.state, people=self._people(step.told)))
        if step.state != "failed" and abs(step.due_at - step.settled_at) > SOON:
            when = "early" if step.due_at > step.settled_at else "late"
            said += self._say(when, due=self._at(step.due_at))
        return said

    def _in_digest(self, step: Asked, said: str) -> str:
        if step.digest is None or step.state not in ("waiting", "told"):
            return said
        return self._say("in_digest", said=said, at=f"{step.digest:%H:%M}")

    def _people(self, counts: Mapping[str, int]) -> str:
        of = ", ".join(f"{self._titles.get(name, name)} {n}" for name, n in counts.items())
        return f"{sum(counts.values())} ({of})"

    def _say(self, word: str, **facts: object) -> str:
        return self._words[word].format_map(facts)
