"""The privacy lint over all rules: what each could expose, and who answers for it.

A live rule that could expose somebody is a problem, unless a waiver in `rules/waivers.yaml` was
written for the rule as it now stands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from service.content.across import Written
from service.content.problem import Problem
from service.content.typed import closest
from service.content.yaml import Document
from service.domain.privacy import Finding, Waiver, Waivers, findings
from service.domain.rule import Rule


@dataclass(slots=True)
class Linted:
    """What the lint found: problems, warnings, and the waivers by which live rules go."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    in_use: list[Waiver] = field(default_factory=list)


def lint(written: Iterable[Written], waivers: Waivers, document: Document, k: int) -> Linted:
    """Hold every rule against the waivers. `k`: the fewest focal points of an area in use."""
    linted = Linted()
    every = list(written)
    exposing: dict[str, list[Finding]] = {}
    for each in every:
        if each.rule is not None:
            exposing[each.id] = found = list(findings(each.rule, k))
            _name(linted, each, each.rule, found, waivers)
    rules = {each.id: each.rule for each in every}
    for number, waiver in enumerate(waivers.root):
        if waiver.rule not in rules:
            why = f"there is no rule `{waiver.rule}`"
            suggestion = closest(waiver.rule, rules) or "take the waiver out"
            linted.problems.append(document.problem((number, "rule"), why, suggestion))
        elif rule := rules[waiver.rule]:
            stale = list(_stale(document, number, waiver, rule, exposing[rule.id]))
            linted.warnings += stale
            if rule.status == "live" and waiver.hash == rule.hash:
                linted.in_use.append(waiver)
    return linted


def _name(
    linted: Linted, written: Written, rule: Rule, found: Iterable[Finding], waivers: Waivers
) -> None:
    waived = {
        code
        for waiver in waivers.root
        if (waiver.rule, waiver.hash) == (rule.id, rule.hash)
        for code in waiver.exposes
    }
    document = written.document
    for finding in found:
        path = (*written.at, *finding.path)
        if rule.status == "live" and finding.code not in waived:
            waive = f"waive it in rules/waivers.yaml (exposes: {finding.code}, hash: {rule.hash})"
            suggestion = f"{finding.instead}, or {waive}"
            linted.problems.append(document.problem(path, finding.exposes, suggestion, True))
        elif rule.status in ("draft", "trial"):
            suggestion = f"{finding.instead}: it cannot go live without a waiver"
            linted.warnings.append(document.problem(path, finding.exposes, suggestion, True))


def _stale(
    document: Document, number: int, waiver: Waiver, rule: Rule, found: Iterable[Finding]
) -> Iterator[Problem]:
    """Tell what a waiver says of a rule that is no more so."""
    if waiver.hash != rule.hash:
        why = f"`{rule.id}` has changed since this waiver: its hash is now {rule.hash}"
        suggestion = "decide anew and write that hash, or take the waiver out"
        yield document.problem((number, "hash"), why, suggestion)
        return
    exposed = {finding.code for finding in found}
    for step, code in enumerate(waiver.exposes):
        if code not in exposed:
            why = f"`{rule.id}` does not expose {code}"
            yield document.problem((number, "exposes", step), why, "take it out of the waiver")
