"""Wordings: every copy of a text is sound, the same when sent again, and tells whose it is."""

import random
from collections.abc import Iterator, Mapping
from itertools import product
from math import log2
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import trace
from service.content import Content, load
from service.domain import variants
from service.domain.codebook import SEVERITIES
from service.domain.messages import measure
from service.domain.variants import At, Finding, Seen, Slot, chosen, judge
from service.texts import VALUES, Texts, lint
from service.texts.slots import MOST_TOGETHER, VARIED, slots, together
from service.vault.keys import Keyring
from service.vault.keystore import Keystore
from service.vault.vault import Vault
from service.wording import wording
from tests.support.content_dir import copy_of_content
from tests.support.rules_content import codebook, rows
from tests.unit.test_texts import ALERT, TITLES, changed, everything, shipped, values_of

LANGUAGES = ("fr", "en")
RESPONDERS = range(1, 201)


# ---- every copy is sound


def dearest() -> Iterator[Mapping[str, object]]:
    """Alerts whose values cost most, of every type and severity."""
    area = max((row[2] for row in rows("areas")), key=len)
    place = max((row[1] for row in rows("places")), key=len)
    for type_, severity in product(codebook().types, SEVERITIES):
        yield ALERT | {
            "number": 99_999, "type": type_.title, "area": area, "place": place,
            "severity": severity, "part": "night", "state": "on_the_way",
        }  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(VARIED))
def test_every_copy_fits_in_gsm7_and_two_segments(language: str, name: str) -> None:
    texts = Texts(shipped().templates)
    choices = list(product(*(range(slot.size) for slot in texts.slots(name, language))))
    assert len(choices) >= (8 if name == "digest_alert" else 16)
    copies = set()
    for values, choice in product(dearest(), choices):
        asked = {key: values[key] for key in VALUES[name]}
        copy = texts.render(name, language, asked, choice)
        copies.add(copy)
        assert measure(copy)[::2] <= (
            "gsm7",
            shipped().templates[language][name].head.max_segments,
        ), copy
        assert not set("[]|{}") & set(copy), copy
    alerts = len({(str(v["type"]), v["severity"]) for v in dearest()})
    assert len(copies) <= alerts * len(choices)
    assert len(copies) > len(choices)


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_alerts_tell_eight_bits_and_each_text_at_least_four(language: str) -> None:
    """So does a digest: each of its lines tells three bits, and it has two at least."""
    texts = Texts(shipped().templates)
    bits = {name: sum(log2(s.size) for s in texts.slots(name, language)) for name in VARIED}
    assert bits.pop("digest_alert") == 3
    assert min(bits.values()) >= 4
    assert 2 * bits["alert"] >= 8


def test_only_texts_about_an_alert_have_wordings() -> None:
    for sources in everything().templates.values():
        for name, text in sources.items():
            assert bool(slots(text.body)) == (name in VARIED), name


# ---- what the lint says


@pytest.mark.parametrize(
    ("name", "source", "column", "why"),
    [
        ("neutral", "[Bonjour|Bonsoir], merci.", 1, "must be the same for everyone"),
        ("alert", "ALERTE {{ number }} [Merci", 21, "this is no wording"),
        ("alert", "ALERTE {{ number }} Merci]", 26, "this is no wording"),
        ("alert", "ALERTE {{ number }} ceci|cela", 25, "this is no wording"),
        ("alert", "ALERTE {{ number }} [pour {{ area }}|pour tous]", 21, "this is no wording"),
        ("alert", "ALERTE {{ number }} [avant|[apres|jamais]]", 21, "this is no wording"),
        ("alert", "ALERTE {{ number }} [seulement]", 21, "two to 8 wordings"),
        ("alert", "ALERTE {{ number }} [|quelque chose]", 21, "fewer than 4 letters"),
        ("alert", "ALERTE {{ number }} [lu|quelque chose]", 21, "fewer than 4 letters"),
        ("alert", "ALERTE {{ number }} [répondez|Repondez!]", 21, "in another wording too"),
        ("alert", "ALERTE {{ number }} [envoyez|renvoyez]", 21, "in another wording too"),
        ("alert", "ALERTE {{ number }} écrivez [écrivez|répondez]", 29, "are no wording"),
        ("alert", "ALERTE {{ number }} [élevée|grave ou pire]", 21, "another value holds these"),
        ("alert", "ALERTE {{ number }} [attaque|affaire]", 21, "another value holds these"),
        ("alert", "ALERTE {{ number }} [maintenant|pour l'heure]", 21, "where they are no wording"),
        ("alert", "ALERTE {{ number }} Dji[hadistes|namites]", 24, "accuses, names"),
        ("alert", "ALERTE {{ number }} [djihadistes|personnes]", 22, "accuses, names"),
        ("alert", "ALERTE {{ number }} [reçu ceci|pris note]", 24, "outside GSM-7"),
    ],
)  # fmt: skip
def test_a_slot_that_would_not_do_is_told_where_it_is(
    name: str, source: str, column: int, why: str
) -> None:
    problems = lint(changed("fr", name, source), TITLES, ["Niono"])
    told = [(p.file, p.line, p.column) for p in problems if why in p.why]
    assert (f"templates_sms/fr/{name}.txt", 1, column) in told, problems


def test_a_digest_holds_no_words_that_tell_of_a_copy_but_those_of_its_lines() -> None:
    """It stands around its lines when it is passed on, and would be read as somebody's wording."""
    source = "{{ alerts }}\n[Merci|Pardon] {{ number }}"
    assert any(
        "must be the same" in p.why for p in lint(changed("fr", "digest", source), TITLES, [])
    )
    source = "{{ alerts }}\nVous répondez OK {{ number }}"
    problems = lint(changed("fr", "digest", source), TITLES, ["Niono"])
    assert {p.text for p in problems} == {"répondez"}
    assert all("stand in templates_sms/fr/digest.txt" in p.why for p in problems)


def test_too_many_copies_cannot_all_be_checked() -> None:
    words = ["alpha|bravo", "charlie|delta|foxtrot", "golfeur|hotel", "juliette|kilogramme|limace"]
    source = "ALERTE {{ number }} " + " ".join(f"[{each}]" for each in words)
    assert together(slots(source)) == 36
    assert lint(changed("fr", "alert", source), TITLES, ["Niono"]) == []
    source += " [novembre|oscarine]"
    (problem,) = lint(changed("fr", "alert", source), TITLES, ["Niono"])
    assert (problem.line, problem.column) == (1, source.rindex("[") + 1)
    assert f"{MOST_TOGETHER} is the most" in problem.why


def test_one_copy_too_long_is_a_problem_of_the_text() -> None:
    long = "x" * 290
    source = f"ALERTE {{{{ number }}}} [pas de danger|un danger {long}]"
    (problem,) = lint(changed("fr", "alert", source), TITLES, ["Niono"])
    assert long in problem.text
    assert "at worst this takes" in problem.why


def test_a_note_may_speak_of_brackets() -> None:
    source = "{# de [ceci|cela], un seul #}\nALERTE {{ number }} [pour chacun|pour tous]"
    assert lint(changed("fr", "alert", source), TITLES, ["Niono"]) == []
    texts = Texts(changed("fr", "alert", source).templates)
    asked = {key: ALERT[key] for key in VALUES["alert"]}
    assert texts.render("alert", "fr", asked, [1]) == "ALERTE 17 pour tous"


def test_a_date_has_no_wordings() -> None:
    words = shipped().templates["fr"]["words"].body
    sources = changed("fr", "words", words.replace("date = ", "date = [lundi|mardi] "))
    assert any("a date has no wordings" in p.why for p in lint(sources, TITLES, ["Niono"]))


# ---- who gets which


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    vault = Vault(Keyring.derive(bytes(range(32))), Keystore(tmp_path / "keystore"))
    yield vault
    vault.close()


SLOTS = (Slot(1, 2), Slot(2, 4), Slot(3, 3))


def test_a_copy_is_the_same_each_time_and_differs_by_person_alert_and_key(
    vault: Vault, tmp_path: Path
) -> None:
    other = Vault(Keyring.derive(bytes(32)), Keystore(tmp_path / "other"))
    many = [Slot(mark, 4) for mark in range(32)]
    copy = wording(vault, many, 5, 17)
    assert copy == wording(vault, many, 5, 17)
    assert copy not in (
        wording(vault, many, 17, 5), wording(vault, many, 6, 17), wording(vault, many, 5, 18),
        wording(other, many, 5, 17),
    )  # fmt: skip
    # A slot that comes in or goes out leaves the others as they were.
    assert wording(vault, many[:7] + many[8:], 5, 17) == copy[:7] + copy[8:]
    other.close()


@given(st.binary(min_size=32, max_size=32))
def test_a_choice_is_always_one_of_its_wordings(secret: bytes) -> None:
    choice = chosen(secret, SLOTS)
    assert all(0 <= each < slot.size for each, slot in zip(choice, SLOTS, strict=True))


def test_each_wording_goes_to_its_share_of_people(vault: Vault) -> None:
    """Chi-squared over four wordings: 16.27 is exceeded once in a thousand, and this is fixed."""
    count = [0] * 4
    for person in range(4000):
        (index,) = wording(vault, [Slot(9, 4)], person, 1)
        count[index] += 1
    assert sum((each - 1000) ** 2 / 1000 for each in count) < 16.27


# ---- what a leak says


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return load(copy_of_content(tmp_path_factory.mktemp("content")))


class Campaign:
    """Alerts that all of the responders were told of, and the copies that each of them had."""

    def __init__(self, vault: Vault, content: Content, alerts: int) -> None:
        self.vault, self.content, self.alerts = vault, content, range(1, alerts + 1)
        texts = content.texts
        slots = [*texts.slots("alert", "fr"), *texts.slots("digest_alert", "fr")]
        self.copies: dict[int, dict[At, set[int]]] = {
            person: {
                (alert, slot.mark): {index}
                for alert in self.alerts
                for slot, index in zip(slots, wording(vault, slots, person, alert), strict=True)
            }
            for person in RESPONDERS
        }

    def text(self, person: int, alert: int) -> str:
        texts = self.content.texts
        choice = wording(self.vault, texts.slots("alert", "fr"), person, alert)
        return texts.render("alert", "fr", values_of("alert") | {"number": alert}, choice)

    def digest(self, person: int) -> str:
        """One text of all alerts; whoever was told of one may have been told of it so."""
        texts, slots = self.content.texts, self.content.texts.slots("digest_alert", "fr")
        lines = []
        for alert in self.alerts:
            choice = wording(self.vault, slots, person, alert)
            values = values_of("digest_alert") | {"number": alert}
            lines.append(texts.render("digest_alert", "fr", values, choice))
        said = {"number": 1, "count": len(lines), "severity": "minor", "alerts": "\n".join(lines)}
        return texts.render("digest", "fr", said)

    def finding(self, leak: str) -> Finding:
        leaked = trace.read(leak, self.content)
        seen = [seen for text in leaked for seen in text.seen]
        return judge(seen, self.copies, trace.bits_a_text(self.content))


def test_of_two_hundred_the_one_who_leaked_is_found(vault: Vault, content: Content) -> None:
    """Each alert text tells 5 bits: one leaves a handful of 200, four leave one."""
    campaign = Campaign(vault, content, 4)
    assert trace.bits_a_text(content) == 5.0
    alone, in_all = 0, 0
    for leaker in RESPONDERS:
        first = campaign.finding(campaign.text(leaker, 1))
        assert first.verdict == "some"
        assert leaker in first.fits
        assert first.more >= 2
        in_all += len(first.fits)
        found = campaign.finding("\n\n".join(campaign.text(leaker, n) for n in campaign.alerts))
        assert leaker in found.fits
        assert found.bits == 20.0
        assert found.by_chance == pytest.approx(199 / 2**20)
        alone += found.fits == (leaker,) and found.verdict == "one"
    assert alone >= 199
    assert 200 * 2 <= in_all <= 200 * 14, "about seven of 200 fit one text of 5 bits"


def test_nobody_is_named_for_certain_by_too_little(vault: Vault, content: Content) -> None:
    """Whatever one or two texts say, no innocent is ever named as the one."""
    campaign = Campaign(vault, content, 2)
    for leaker in RESPONDERS:
        for alerts in ((1,), (1, 2)):
            found = campaign.finding("\n\n".join(campaign.text(leaker, n) for n in alerts))
            assert found.verdict == "some"
            assert found.more >= 1


def mixed_text(one: str, other: str, dice: random.Random) -> str:
    """Line by line, one of two copies."""
    lines = zip(one.split("\n"), other.split("\n"), strict=True)
    return "\n".join(dice.choice(pair) for pair in lines)


def test_a_copy_mixed_from_two_is_said_to_be_mixed_and_no_third_is_blamed(
    vault: Vault, content: Content
) -> None:
    campaign = Campaign(vault, content, 12)
    dice = random.Random(20261123)
    said = {"mixed": 0, "pair": 0, "one": 0, "some": 0, "nothing": 0}
    for _ in range(40):
        one, other = dice.sample(RESPONDERS, 2)
        leak = "\n\n".join(
            mixed_text(campaign.text(one, n), campaign.text(other, n), dice)
            for n in campaign.alerts
        )
        found = campaign.finding(leak)
        said[found.verdict] += 1
        assert not set(found.fits) - {one, other}
        if found.pair is not None:
            assert set(found.pair) == {one, other}
    assert said["one"] == said["some"] == said["nothing"] == 0
    assert said["pair"] >= 30, said


def test_a_few_mixed_texts_name_nobody(vault: Vault, content: Content) -> None:
    campaign = Campaign(vault, content, 3)
    dice = random.Random(7)
    for _ in range(60):
        one, other = dice.sample(RESPONDERS, 2)
        leak = "\n\n".join(campaign.text(one if n % 2 else other, n) for n in campaign.alerts)
        found = campaign.finding(leak)
        assert found.verdict in ("mixed", "some")
        assert found.pair is None
        assert found.more >= 1


# ---- how a leak is read


PASSED_ON = {
    "as it was": lambda text: text,
    "capitals": str.upper,
    "no accents": lambda text: text.translate(str.maketrans("éèàùÉ", "eeauE")),
    "no spaces": lambda text: text.replace(", ", ",").replace(": ", ":"),
    "spaces and lines": lambda text: "  " + "\r\n".join(text.split("\n")).replace(" ", "   "),
    "one line": lambda text: " ".join(text.split("\n")),
    "quoted": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "with words around": lambda text: f"Regarde ce que j'ai reçu :\n{text}\nQu'en dis-tu ?",
}


@pytest.mark.parametrize("passed_on", PASSED_ON.values(), ids=PASSED_ON.keys())
def test_a_text_is_read_however_it_was_passed_on(
    vault: Vault, content: Content, passed_on: object
) -> None:
    assert callable(passed_on)
    campaign = Campaign(vault, content, 4)
    for leaker in (3, 77, 200):
        leak = "\n\n".join(passed_on(campaign.text(leaker, n)) for n in campaign.alerts)
        found = campaign.finding(leak)
        assert (found.bits, leaker in found.fits) == (20.0, True)


@pytest.mark.parametrize("passed_on", PASSED_ON.values(), ids=PASSED_ON.keys())
def test_each_line_of_a_digest_tells_of_its_own_alert_however_it_was_passed_on(
    vault: Vault, content: Content, passed_on: object
) -> None:
    assert callable(passed_on)
    campaign = Campaign(vault, content, 6)
    for leaker in (3, 77, 200):
        leak = passed_on(campaign.digest(leaker))
        by_alert = {text.alert: len(text.seen) for text in trace.read(leak, content) if text.seen}
        assert by_alert == dict.fromkeys(range(1, 7), 1)
        found = campaign.finding(leak)
        assert (found.bits, leaker in found.fits) == (18.0, True)


def test_a_digest_and_an_alert_of_it_that_came_alone_tell_of_one_copy(
    vault: Vault, content: Content
) -> None:
    """Somebody's digest, cut to two lines, and what they were told by itself of another alert."""
    campaign = Campaign(vault, content, 6)
    lines = campaign.digest(50).split("\n")
    found = campaign.finding("\n".join([*lines[2:4], campaign.text(50, 6)]))
    assert (found.bits, 50 in found.fits) == (11.0, True)
    assert campaign.finding("\n".join([lines[0], lines[-1]])).verdict == "nothing"


def test_texts_without_a_line_between_are_told_apart(vault: Vault, content: Content) -> None:
    campaign = Campaign(vault, content, 4)
    leak = "\n".join(campaign.text(50, n) for n in campaign.alerts)
    assert [text.alert for text in trace.read(leak, content)] == [1, 2, 3, 4]
    assert campaign.finding(leak).bits == 20.0


def test_a_piece_of_a_text_tells_what_it_holds(vault: Vault, content: Content) -> None:
    campaign = Campaign(vault, content, 4)
    last_line = campaign.text(50, 3).split("\n")[-1]
    found = campaign.finding(last_line)
    assert (found.bits, 50 in found.fits) == (4.0, True)
    cut = campaign.text(50, 3)[:45]
    found = campaign.finding(cut)
    assert (found.bits, 50 in found.fits) == (1.0, True)


def test_the_number_of_a_cut_text_can_be_given(vault: Vault, content: Content) -> None:
    campaign = Campaign(vault, content, 4)
    cut = "\n".join(campaign.text(50, 3).split("\n")[1:]).replace("OK 3", "")
    assert trace.read(cut, content) == []
    (text,) = trace.read(cut, content, alert=3)
    assert (text.alert, len(text.seen)) == (3, 3)


def test_two_copies_of_one_alert_are_not_one_person_s(vault: Vault, content: Content) -> None:
    campaign = Campaign(vault, content, 1)
    one = campaign.text(1, 1)
    other = next(text for person in RESPONDERS if (text := campaign.text(person, 1)) != one)
    assert campaign.finding(f"{one}\n\n{one}").fits == campaign.finding(one).fits
    assert campaign.finding(f"{one}\n\n{other}").fits == ()


def test_an_update_and_its_alert_tell_of_one_copy(vault: Vault, content: Content) -> None:
    """The wordings that both texts have are one slot: a piece of either tells the same."""
    texts = content.texts
    alert, update = texts.slots("alert", "fr"), texts.slots("update", "fr")
    shared = set(alert) & set(update)
    assert len(shared) == 2
    for person in RESPONDERS:
        had = dict(zip(alert, wording(vault, alert, person, 1), strict=True))
        then = dict(zip(update, wording(vault, update, person, 1), strict=True))
        assert all(had[slot] == then[slot] for slot in shared)


def test_what_left_under_two_versions_of_the_keys_fits_and_tells_less() -> None:
    """The alert under the first, its update under the second: either wording may be theirs."""
    copies = {person: {(1, 5): {person % 2, (person // 2) % 2}} for person in RESPONDERS}
    found = judge([Seen(1, 5, 2, frozenset({0}))], copies, 5.0)
    assert set(found.fits) == {person for person in RESPONDERS if 0 in copies[person][1, 5]}
    assert found.by_chance == 199.0, "some had both wordings, and fit whatever was seen"


def test_what_says_nothing_names_nobody(vault: Vault, content: Content) -> None:
    campaign = Campaign(vault, content, 1)
    for leak in ("", "\n\n", "ALERTE 1, mais rien d'autre", "Bonjour", "ALERTE 99"):
        assert campaign.finding(leak).verdict == "nothing"


@given(st.text())
def test_any_text_is_read(content: Content, leak: str) -> None:
    for text in trace.read(leak, content, alert=1):
        assert all(seen.wordings for seen in text.seen)


# ---- the arithmetic


def test_a_person_who_did_not_have_all_of_it_does_not_fit() -> None:
    copies = {1: {(1, 5): {0}, (2, 5): {1}}, 2: {(1, 5): {0}}}
    leak = [Seen(1, 5, 2, frozenset({0})), Seen(2, 5, 2, frozenset({1}))]
    found = judge(leak, copies, 1.0)
    assert (found.told, found.fits) == (1, (1,))


def test_without_anybody_told_nobody_is_blamed() -> None:
    assert judge([Seen(1, 5, 2, frozenset({0}))], {}, 5.0).verdict == "nothing"


def test_as_many_more_texts_as_are_said_would_tell() -> None:
    """2^-bits of 199 innocents is below one in a thousand from 17.6 bits on."""
    copies = {person: {(1, 0): {person % 32}} for person in RESPONDERS}
    found = judge([Seen(1, 0, 32, frozenset({3}))], copies, 5.0)
    assert (found.bits, found.more) == (5.0, 3)
    assert 199 * 2 ** -(5 + 5 * found.more) <= variants.SURE
    assert 199 * 2 ** -(5 + 5 * (found.more - 1)) > variants.SURE
