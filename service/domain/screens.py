"""What a USSD menu shows: text that fits one screen, whatever its words are."""

from collections.abc import Iterable, Mapping, Sequence

from service.domain import ussd
from service.domain.codebook import Count
from service.domain.gazetteer import Place
from service.domain.messages import Encoding, measure, to_gsm7
from service.domain.ussd import BACK, HOME, LABELS, NEXT, SEND, Choices, Label, Menu, Session, Step

# 3GPP TS 23.038 §5: 160 octets, which hold 182 septets or 80 code units of UCS-2.
LIMITS: Mapping[Encoding, int] = {"gsm7": 182, "ucs2": 80}

Words = Mapping[Label, str]


class Screens:
    """The screens of a menu in one language. `titles` are those of types, by id."""

    def __init__(
        self, menu: Menu, words: Words, titles: Mapping[str, str], languages: Sequence[str]
    ) -> None:
        """`languages` is what each language calls itself."""
        self._menu = menu
        self._says = words
        self._titles = titles
        self._languages = languages
        self._seen: dict[tuple[ussd.At, bool, Count | None], list[str]] = {}

    def shown(self, session: Session, alerts: Sequence[int] = ()) -> str:
        """The screen after the last answer. `alerts` are the numbers that wait for one."""
        step = session.step
        pages = self._pages(step, session.understood, alerts)
        return pages[step.page % len(pages)]

    def not_sent(self, session: Session) -> str:
        """The same screen once more, where what was to be sent could not be stored."""
        return self._laid_out(session.step, self._says["not_sent"], ())[0]

    def _pages(self, step: Step, understood: bool, alerts: Sequence[int]) -> list[str]:
        before = "" if understood else self._says["not_understood"]
        if step.at in ("confirm", "alert", "places"):
            return self._laid_out(step, before, alerts)
        asked = self._menu.asked(step.chosen) if step.at in ("count", "how_many") else None
        key = (step.at, understood, asked)
        if key not in self._seen:
            self._seen[key] = self._laid_out(step, before, ())
        return self._seen[key]

    def _laid_out(self, step: Step, before: str, alerts: Sequence[int]) -> list[str]:
        says = self._says
        title, lines = self._content(step, alerts)
        title = f"{before} {title}".strip()
        end = [] if step.at == "home" else [f"{BACK} {says['back']} {HOME} {says['to_home']}"]
        whole = _joined(title, lines, end)
        if fits(whole):
            return [whole]
        if step.at not in ("type", "places", "language"):
            return [_clipped(title, [*lines, *end])]
        return _paged(title, lines, [f"{NEXT} {says['next']}", *end])

    def _content(self, step: Step, alerts: Sequence[int]) -> tuple[str, list[str]]:
        says, chosen = self._says, step.chosen
        match step.at:
            case "type":
                return says["type"], _numbered(self._titles[each.id] for each in self._menu.types)
            case "place":
                return says["place"], _numbered([says["here"]])
            case "places":
                return says["places"], _numbered(map(self._place, chosen.places))
            case "language":
                return says["language"], _numbered(self._languages)
            case "alert":
                waiting = " ".join(map(str, alerts))
                return says["alert"], [f"{says['open']} {waiting}"] if alerts else []
            case "confirm":
                return self._summary(chosen), [f"{SEND} {says['send']}"]
            case "how_many":
                return f"{says[self._menu.asked(chosen)]}: {says['how_many']}", []
            case "days":
                return says["days"], []
        title = says[self._menu.asked(chosen)] + ":" if step.at == "count" else says[step.at]
        return title, _numbered(says[each.label] for each in self._menu.options(step.at))

    def _summary(self, chosen: Choices) -> str:
        says = self._says
        if chosen.order:
            told = [says[chosen.order], *([str(chosen.alert)] if chosen.alert else [])]
            told += [says[ussd.OUTCOMES[chosen.outcome - 1]]] if chosen.outcome else []
            return ", ".join(told)
        assert chosen.type is not None
        parts = [self._titles[chosen.type]]
        if chosen.place:
            parts.append(self._place(chosen.place))
        parts += [f"{says[count]} {'?' if n is None else n}" for count, n in chosen.counts]
        ago = chosen.days_ago
        parts.append(says[ussd.DAYS[ago]] if ago < len(ussd.DAYS) else f"{ago} {says['ago']}")
        return ", ".join(parts)

    def _place(self, code: str) -> str:
        if code == ussd.HERE:
            return self._says["here"]
        place = self._menu.gazetteer.by_code(code)
        return "?" if place is None else _name(place)


def complete(words: Mapping[str, str]) -> bool:
    """Whether these are the words of a whole menu."""
    return all(words.get(label) for label in LABELS)


def fits(text: str) -> bool:
    """Whether one screen holds this text."""
    size = measure(text)
    return size.units <= LIMITS[size.encoding]


def fitting(text: str) -> str:
    """As much of the beginning of a text as one screen holds."""
    if fits(text):
        return text
    low, high = 0, len(text)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[:middle]) else (low, middle)
    return text[:low]


def _name(place: Place) -> str:
    """A name in letters that cost little, with its cercle, which tells it from others."""
    beside = f" ({place.cercle})" if place.cercle and place.cercle != place.name else ""
    return to_gsm7(place.name + beside)


def _numbered(labels: Iterable[str]) -> list[str]:
    return [f"{number} {label}" for number, label in enumerate(labels, 1)]


def _joined(title: str, lines: Sequence[str], end: Sequence[str]) -> str:
    return "\n".join([title, *lines, *end])


def _clipped(title: str, lines: Sequence[str]) -> str:
    """One screen: of the title as much as there is room for, as the answers must be seen."""
    below = "\n" + "\n".join(lines)
    low, high = 0, len(title)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(title[:middle] + below) else (low, middle)
    return fitting(title[:low] + below)


def _paged(title: str, lines: Sequence[str], end: Sequence[str]) -> list[str]:
    """As many screens as it takes; each has as many of the lines as there is room for."""
    pages: list[list[str]] = [[]]
    for line in lines:
        if pages[-1] and not fits(_joined(title, [*pages[-1], line], end)):
            pages.append([])
        pages[-1].append(line)
    return [_page(title, page, end) for page in pages]


def _page(title: str, lines: Sequence[str], end: Sequence[str]) -> str:
    whole = _joined(title, lines, end)
    return whole if fits(whole) else _clipped(title, [*lines, *end])
