"""`vigie test-rules`: do the rules do what their tests say?"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer

from handlers.settings import Settings
from service import content as content_files
from service import rule_tests
from service.content import ContentError
from service.domain.near import NearMiss
from service.rule_tests import Coverage, Failure, Outcome

Language = Literal["fr", "en"]

_WORDS = {
    "en": {
        "missing": "`{kind}` by {rule} was expected, knowable at {at}{detail}",
        "instead": "; it was made at {at}: {severity}, {reports} reports, in {areas}{late}{by}",
        "never": "; it was never made",
        "near": "; the nearest miss: {check} {value} of {threshold}",
        "unexpected": "`{kind}` by {rule} was not expected: knowable at {at}, {severity}, "
        "{reports} reports, in {areas}{late}{by}",
        "not_near": "{rule} did not miss by {check} {value} of {threshold} alone",
        "late": ", late",
        "by": ", because of {by}",
        "passed": "{passed} of {tests} tests passed",
        "untested": "{rules} of {all} rules are not fully tested",
        "fires": "fires",
        "quiet": "stays quiet",
        "almost": "almost fires",
        "not_needed": "-",
    },
    "fr": {
        "missing": "`{kind}` par {rule} était attendu, connaissable le {at}{detail}",
        "instead": " ; cela s'est fait le {at} : {severity}, {reports} signalements, "
        "dans {areas}{late}{by}",
        "never": " ; cela ne s'est jamais fait",
        "near": " ; manqué de peu : {check} {value} sur {threshold}",
        "unexpected": "`{kind}` par {rule} n'était pas attendu : connaissable le {at}, {severity}, "
        "{reports} signalements, dans {areas}{late}{by}",
        "not_near": "{rule} n'a pas manqué par {check} {value} sur {threshold} seul",
        "late": ", tard",
        "by": ", à cause de {by}",
        "passed": "{passed} tests sur {tests} ont réussi",
        "untested": "{rules} règles sur {all} ne sont pas entièrement testées",
        "fires": "se déclenche",
        "quiet": "se tait",
        "almost": "de justesse non",
        "not_needed": "-",
    },
}


def run(
    content_dir: Annotated[
        Path | None,
        typer.Option(
            help="The directory that holds rules/ and templates_sms/; VIGIE_CONTENT_DIR if unset.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    fail_on_untested: Annotated[
        bool,
        typer.Option(
            "--fail-on-untested",
            help="Also exit with 1 where a rule on trial or live lacks a test in which it fires, "
            "one in which it stays quiet, or one in which it almost fires.",
        ),
    ] = False,
    language: Annotated[Language, typer.Option(help="The language that is told in.")] = "en",
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Run the tests in rules/tests/ through the engine that decides on real reports.

    Exits with 1 if a test fails, or if the tests or the rules cannot be read.
    """
    directory = content_dir or Settings().content_dir
    try:
        content = content_files.load(directory)
        stories = rule_tests.load(directory, content)
    except ContentError as error:
        for problem in error.problems:
            typer.echo(problem.in_french() if language == "fr" else problem, err=True)
        raise typer.Exit(1) from None
    outcomes = [rule_tests.run(story, content) for story in stories]
    covered = rule_tests.coverage(content.rules, outcomes)
    if json_:
        told = _json(outcomes, covered)
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for outcome in outcomes:
            for failure in outcome.failures:
                said = sentence(failure, outcome.story.zone, language)
                typer.echo(f"{failure.where}: {outcome.story.name}: {said}")
        for line in _table(covered, language):
            typer.echo(line)
        _summary(outcomes, covered, language)
    failed = any(outcome.failures for outcome in outcomes)
    if failed or (fail_on_untested and any(each.missing for each in covered)):
        raise typer.Exit(1)


def sentence(failure: Failure, zone: ZoneInfo, language: Language) -> str:
    """What is wrong, in one line; times are those of the test's zone."""
    words = _WORDS[language]
    near = _near(failure.near, words) if failure.near else ""
    if failure.almost is not None:
        almost = failure.almost
        facts = {"rule": almost.rule, "check": almost.check}
        facts |= {"value": almost.value, "threshold": almost.threshold}
        return words["not_near"].format_map(facts) + near
    made = _made(failure, zone, words) if failure.made else {}
    if failure.wanted is None:
        return words["unexpected"].format_map(made)
    expected = failure.wanted.expected
    detail = words["instead"].format_map(made) if made else words["never"] + near
    return words["missing"].format(
        kind=expected.kind,
        rule=expected.rule,
        at=_at(failure.wanted.knowable_at, zone),
        detail=detail,
    )


def _made(failure: Failure, zone: ZoneInfo, words: dict[str, str]) -> dict[str, object]:
    assert failure.made is not None
    decision = failure.made.decision
    by = decision.suppressed_by
    return {
        "kind": decision.kind,
        "rule": decision.rule,
        "at": _at(failure.made.known_at, zone),
        "severity": decision.severity,
        "reports": len(decision.evidence),
        "areas": ", ".join(decision.areas),
        "late": words["late"] if decision.late else "",
        "by": words["by"].format(by=by) if by else "",
    }


def _near(miss: NearMiss, words: dict[str, str]) -> str:
    check = miss.missed[0]
    return words["near"].format(check=check.name, value=check.value, threshold=check.threshold)


def _at(moment: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M}"


def _table(covered: list[Coverage], language: Language) -> Iterator[str]:
    words = _WORDS[language]
    kinds = ("fires", "quiet", "almost")
    width = max((len(each.rule) for each in covered), default=0)
    yield " " * width + "".join(f"  {words[kind]}" for kind in kinds)
    for each in covered:
        numbers = [str(len(getattr(each, kind))) for kind in kinds]
        if not each.can_almost_fire and not each.almost:
            numbers[-1] = words["not_needed"]
        cells = (
            f"  {number:>{len(words[kind])}}" for kind, number in zip(kinds, numbers, strict=True)
        )
        yield f"{each.rule:<{width}}{''.join(cells)}"


def _summary(outcomes: list[Outcome], covered: list[Coverage], language: Language) -> None:
    words = _WORDS[language]
    passed = sum(1 for outcome in outcomes if not outcome.failures)
    typer.echo(words["passed"].format(passed=passed, tests=len(outcomes)), err=True)
    if untested := [each.rule for each in covered if each.missing]:
        typer.echo(words["untested"].format(rules=len(untested), all=len(covered)), err=True)


def _json(outcomes: list[Outcome], covered: list[Coverage]) -> dict[str, Any]:
    return {
        "tests": [
            {
                "name": outcome.story.name,
                "where": str(outcome.story.where),
                "passed": not outcome.failures,
                "failures": [
                    {
                        "where": str(failure.where),
                        "kind": failure.kind,
                        "why": sentence(failure, outcome.story.zone, "en"),
                    }
                    for failure in outcome.failures
                ],
            }
            for outcome in outcomes
        ],
        "rules": {
            each.rule: {
                "fires": each.fires,
                "quiet": each.quiet,
                "almost": each.almost,
                "missing": list(each.missing),
            }
            for each in covered
        },
    }
