"""Silences: when, where and for which rule they hold, and which are refused."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.content.typed import Reader
from service.content.yaml import compose_strict
from service.domain.silence import Silence, Silences

SILENCE = {
    "id": "meeting",
    "rule": "market-cluster",
    "area": "ML0506",
    "from": "2026-11-12 06:00",
    "until": "2026-11-15",
    "author": "Coordination",
    "why": "The chiefs are meeting.",
}
FATOMA = ("ML050604", "ML0506", "ML05", "ML")
DJENNE = ("ML050303", "ML0503", "ML05", "ML")


def silence(zone: str = "Africa/Bamako", /, **changed: object) -> Silence:
    written = {key: value for key, value in (SILENCE | changed).items() if value is not None}
    return Silence.model_validate(written, context={"zone": ZoneInfo(zone)})


def at(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("moment", "is_silent"),
    [
        ("2026-11-12 05:59", False),
        ("2026-11-12 06:00", True),
        ("2026-11-15 23:59", True),  # a day alone is silent to its end
        ("2026-11-16 00:00", False),
    ],
)
def test_it_holds_from_its_beginning_and_not_at_its_end(moment: str, is_silent: bool) -> None:
    assert silence().active("market-cluster", FATOMA, at(moment)) is is_silent


def test_an_end_with_a_time_is_exact_and_a_beginning_may_be_left_out() -> None:
    until_six = silence(until="2026-11-15 18:00", **{"from": None})
    assert until_six.active("market-cluster", FATOMA, at("1970-01-01"))
    assert until_six.active("market-cluster", FATOMA, at("2026-11-15 17:59"))
    assert not until_six.active("market-cluster", FATOMA, at("2026-11-15 18:00"))


@pytest.mark.parametrize(
    ("rule", "area", "asked", "areas", "is_silent"),
    [
        ("market-cluster", "ML0506", "market-cluster", DJENNE, False),
        ("market-cluster", "ML05", "market-cluster", DJENNE, True),
        ("market-cluster", "any", "market-cluster", (), True),
        ("market-cluster", "any", "herder-farmer", FATOMA, False),
        ("any", "ML050604", "herder-farmer", FATOMA, True),
        ("any", "ML050604", "herder-farmer", ("ML0506", "ML05", "ML"), False),
    ],
)
def test_it_holds_for_its_rule_in_its_area(
    rule: str, area: str, asked: str, areas: tuple[str, ...], is_silent: bool
) -> None:
    found = silence(rule=rule, area=area).active(asked, areas, at("2026-11-13"))
    assert found is is_silent


def test_moments_are_those_of_the_place() -> None:
    assert silence("Africa/Lagos").until == silence("UTC").until - 3600


def test_days_of_a_change_of_clocks_end_at_midnight() -> None:
    """29 March 2026 has 23 hours in Paris."""
    one_day = silence("Europe/Paris", **{"from": "2026-03-29", "until": "2026-03-29"})
    assert one_day.from_ is not None
    assert one_day.until - one_day.from_ == 23 * 3600


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("until", None),
        ("until", "2026-11-12 06:00"),
        ("until", "2026-02-30"),
        ("until", "9999-12-31"),
        ("until", "2026-11-15T18"),
        ("until", "٢٠٢٦-11-15"),
        ("until", "for ever"),
        ("author", None),
        ("author", ""),
        ("why", None),
        ("why", ""),
        ("why", {}),
        ("rule", None),
        ("area", None),
        ("to", "2026-11-15"),
    ],
)
def test_what_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        silence(**{key: value})


def test_the_file_is_read_in_its_zone() -> None:
    document = compose_strict(
        "silences.yaml",
        "- {id: a, rule: any, area: any, until: 2026-11-15, author: A, why: {fr: ici, en: here}}",
    )
    read = Reader(Silences, {"zone": ZoneInfo("Africa/Lagos")}).read(document)
    assert read is not None
    assert read.root[0].until == at("2026-11-15 23:00")
    assert read.root[0].why == {"fr": "ici", "en": "here"}


@given(st.text(max_size=20) | st.integers() | st.none() | st.lists(st.text(max_size=3)))
def test_no_end_raises_anything_else(value: Any) -> None:
    try:
        Silence.model_validate(SILENCE | {"until": value})
    except ValidationError:
        return
    assert not isinstance(value, list)
