"""The privacy lint: what a rule could expose, and the waiver without which it cannot go live."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.cli import app
from service.content import load
from service.content.french import in_french
from service.domain.privacy import findings
from service.domain.rule import Rule
from tests.support.content_dir import content_of_three_rules, problems_of

GRAVE = "rules/alerts/grave-report.yaml"
WAIVERS = "rules/waivers.yaml"
ONE = {"types": ["threat"], "within": {"km": 10, "hours": 24}}
TWO = ONE | {"at_least": 2, "distinct_reporters": 2}


def within(**where: object) -> dict[str, Any]:
    return TWO | {"within": {"hours": 24} | where}


def rule(when: object, **alert: object) -> Rule:
    spec = {"severity": "moderate"} | alert
    return Rule.model_validate({"id": "r", "status": "live", "when": when, "alert": spec})


@pytest.mark.parametrize(
    ("when", "alert", "exposed"),
    [
        (TWO, {}, []),
        (ONE, {}, [("one-person", "when")]),
        (ONE | {"at_least": 9}, {}, [("one-person", "when")]),
        ({"all_of": [TWO, ONE]}, {}, []),
        ({"all_of": [ONE, ONE]}, {}, [("one-person", "when/all_of")]),
        ({"any_of": [TWO, ONE]}, {}, [("one-person", "when/any_of/1")]),
        ({"any_of": [TWO, TWO]}, {}, []),
        ({"first": ONE, "then": TWO, "within": {"km": 9, "hours": 9}}, {}, []),
        (
            {"first": ONE, "then": ONE, "within": {"km": 9, "hours": 9}},
            {},
            [("one-person", "when")],
        ),
        ({"types": "any", "anomaly": {}}, {}, [("one-person", "when/anomaly")]),
        (within(place="same"), {}, [("below-k", "when/within/place")]),
        (within(area="commune"), {}, [("below-k", "when/within/area")]),
        (within(area="cercle"), {}, []),
        (within(km=2), {}, [("below-k", "when/within/km")]),
        (within(km=2.1), {}, []),
        ({"any_of": [TWO, within(km=1)]}, {}, [("below-k", "when/any_of/1/within/km")]),
        (TWO, {"one_per": "place"}, [("below-k", "alert/one_per")]),
        (TWO, {"one_per": "commune"}, [("below-k", "alert/one_per")]),
        (TWO, {"one_per": "area"}, []),
        (TWO, {"place": "exact"}, [("exact-place", "alert/place")]),
        (
            ONE | {"within": {"place": "same", "hours": 1}},
            {"place": "exact", "one_per": "place"},
            [
                ("one-person", "when"),
                ("below-k", "when/within/place"),
                ("below-k", "alert/one_per"),
                ("exact-place", "alert/place"),
            ],
        ),
    ],
)
def test_what_a_rule_could_expose(
    when: object, alert: dict[str, object], exposed: list[tuple[str, str]]
) -> None:
    found = list(findings(rule(when, **alert), k=5))
    assert [(each.code, "/".join(map(str, each.path))) for each in found] == exposed
    for each in found:
        assert in_french(each.exposes)
        assert in_french(each.instead)


def test_the_sentence_tells_k() -> None:
    (finding,) = findings(rule(within(place="same")), k=9)
    assert "fewer than 9 may report" in finding.exposes


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return content_of_three_rules(tmp_path)


def change(content: Path, file: str, old: str, new: str) -> None:
    text = (content / file).read_text(encoding="utf-8")
    assert old in text, old
    (content / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def check(content: Path, *options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", "--content-dir", str(content), *options])
    return result.exit_code, result.stdout, result.stderr


def test_a_live_rule_needs_a_waiver(content: Path) -> None:
    (content / WAIVERS).unlink()
    (problem,) = problems_of(content)
    assert (problem.file, problem.text) == (GRAVE, "when")
    assert "one person alone" in problem.why
    assert problem.suggestion is not None
    assert "rules/waivers.yaml (exposes: one-person, hash: " in problem.suggestion
    french = problem.in_french()
    assert french.why.startswith("une seule personne peut déclencher cette alerte")
    assert french.suggestion is not None
    assert french.suggestion.startswith("demandez distinct_reporters: 2, ou accordez")


def test_the_hash_that_is_told_is_the_one_that_is_asked_for(content: Path) -> None:
    change(content, GRAVE, "quiet_for: 24h", "quiet_for: 25h")
    (problem,) = problems_of(content)
    assert problem.suggestion is not None
    told = problem.suggestion.rpartition("hash: ")[2].rstrip(")")
    (written,) = (
        line.split()[1]
        for line in (content / WAIVERS).read_text(encoding="utf-8").splitlines()
        if line.startswith("  hash:")
    )
    change(content, WAIVERS, written, told)
    assert [waiver.hash for waiver in load(content).waivers] == [told]


def test_a_change_of_the_rule_makes_its_waiver_stale(content: Path) -> None:
    change(content, GRAVE, "quiet_for: 24h", "quiet_for: 25h")
    code, out, _ = check(content)
    assert code == 1
    problem, warning = out.splitlines()
    assert problem.startswith(f"{GRAVE}:")
    assert warning.startswith(f"{WAIVERS}:")
    assert ": warning: " in warning
    assert "`grave-report` has changed since this waiver: its hash is now" in warning
    _, out, err = check(content, "--language", "fr")
    assert "`grave-report` a changé depuis cette dérogation" in out
    assert err.endswith("1 problème, 1 avertissement\n")


def test_a_waiver_of_less_than_is_exposed_is_not_enough(content: Path) -> None:
    change(content, WAIVERS, "[one-person]", "[exact-place]")
    code, out, _ = check(content, "--json")
    assert code == 1
    levels = {(each["level"], each["file"]): each["why"] for each in json.loads(out)}
    assert "one person alone" in levels["problem", GRAVE]
    assert levels["warning", WAIVERS] == "`grave-report` does not expose exact-place"


@pytest.mark.parametrize(("status", "warned"), [("trial", 2), ("draft", 2), ("retired", 1)])
def test_a_rule_that_is_not_live_is_only_told_of(content: Path, status: str, warned: int) -> None:
    change(content, GRAVE, "status: live", f"status: {status}")
    code, out, err = check(content)
    assert code == 0
    assert len(out.splitlines()) == warned  # its own, and that the waiver is for the live rule
    assert "no problems" in err
    assert load(content).waivers == ()
    for warning in load(content).warnings:
        assert in_french(warning.why)
        assert warning.suggestion
        assert in_french(warning.suggestion)


def test_waivers_in_use_are_printed_with_who_decided_and_why(content: Path) -> None:
    code, out, err = check(content)
    assert (code, out) == (0, "")
    assert (
        "grave-report is live by a waiver (one-person) of Vigie, 2026-11-23: An attack on a" in err
    )
    _, _, err = check(content, "--language", "fr")
    assert "grave-report est en service par une dérogation (one-person) de Vigie" in err


def test_an_exact_place_is_for_public_types_and_two_people(content: Path) -> None:
    (content / "rules/alerts/route.yaml").write_text(
        "- id: route\n"
        "  when: {types: [blocked_route], at_least: 2, within: {km: 5, hours: 24}}\n"
        "  alert: {severity: minor, place: exact}\n",
        encoding="utf-8",
    )
    (problem,) = problems_of(content)
    assert problem.why == "an exact place is asked for only with two distinct reporters or more"
    change(content, "rules/alerts/route.yaml", "at_least: 2", "at_least: 2, distinct_reporters: 2")
    assert problems_of(content) == []
    change(content, "rules/alerts/route.yaml", "[blocked_route]", "herds_and_fields")
    assert {problem.why for problem in problems_of(content)} == {
        f"`{type_}` is not public in the codebook: no rule may ask for its exact place"
        for type_ in ("crop_damage", "land_water_dispute")
    }


def test_nothing_in_a_waiver_reaches_the_terminal_raw(content: Path) -> None:
    change(content, WAIVERS, "author: Vigie", 'author: "\u202evigie\u2028"')
    _, _, err = check(content)
    assert all(line.isprintable() for line in err.splitlines())
