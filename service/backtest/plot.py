"""The sweep as a picture: an activity monitoring operating characteristic (AMOC), as SVG.

An AMOC curve sets what alarms cost, false alarms per time, against what they bring, how early they
come (Fawcett & Provost 1999, “Activity monitoring: noticing interesting changes in behavior”, KDD,
pp. 53-62). What was not foreseen at all counts with a lead of nothing, as it does there; beside
it stands the share that was foreseen. The baseline is a point of its own.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

from service.backtest.score import Score

WIDTH, HEIGHT, LEFT, TOP, GAP = 620, 300, 80, 104, 88
APART = 50  # pixels
_TEMPLATE = Path(__file__).with_name("amoc.svg.j2")


class Dot(NamedTuple):
    """One point of a curve, and what is written beside it."""

    label: str
    score: Score


class _Tick(NamedTuple):
    at: float
    label: str


def amoc(title: str, subtitle: str, attribution: str, dots: Sequence[Dot], baseline: Dot) -> str:
    """Return the picture; the dots are joined in the order of false alarms."""
    # The axis is the rule's; a baseline that is farther off stands at its edge, and says so.
    most = max((dot.score.false_a_week for dot in dots), default=0.0) * 1.15 or 1.0
    panels = [
        _panel("foreseen, % of outcomes", _foreseen, dots, baseline, most, TOP),
        _panel("mean lead, days", lambda s: s.mean_lead, dots, baseline, most, TOP + HEIGHT + GAP),
    ]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        title=title,
        subtitle=subtitle,
        attribution=attribution,
        panels=panels,
        baseline=baseline.label,
        left=LEFT,
        width=WIDTH,
        height=HEIGHT,
    )


def _foreseen(score: Score) -> float:
    return 100 * score.recall.count / score.recall.of if score.recall.of else 0.0


def _panel(
    name: str,
    measure: Callable[[Score], float],
    dots: Sequence[Dot],
    baseline: Dot,
    most: float,
    offset: int,
) -> dict[str, object]:
    high = max((measure(dot.score) for dot in (*dots, baseline)), default=0.0) * 1.2 or 1.0

    def x(value: float) -> float:
        return round(LEFT + WIDTH * min(value / most, 1.0), 1)

    def y(value: float) -> float:
        return round(offset + HEIGHT * (1 - value / high), 1)

    placed = sorted((x(dot.score.false_a_week), y(measure(dot.score)), dot.label) for dot in dots)
    return {
        "name": name,
        "top": offset,
        "dots": placed,
        "labels": _labels(placed),
        "baseline": (x(baseline.score.false_a_week), y(measure(baseline.score)), baseline.label),
        "beyond": baseline.score.false_a_week > most,
        "baseline_rate": f"{baseline.score.false_a_week:.3g}",
        "x_ticks": [_Tick(x(value), f"{value:.3g}") for value in _steps(most)],
        "y_ticks": [_Tick(y(value), f"{value:.3g}") for value in _steps(high)],
    }


def _labels(placed: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Return one label for dots so near each other that theirs would overlap."""
    labels: list[tuple[float, float, str]] = []
    for across, up, label in placed:
        if labels and across - labels[-1][0] < APART:
            first, highest, others = labels[-1]
            labels[-1] = first, min(highest, up), f"{others}, {label}"
        else:
            labels.append((across, up, label))
    return labels


def _steps(top: float) -> list[float]:
    """Return round values from 0 to `top`, five or so."""
    rough = top / 5
    magnitude = 10 ** floor(log10(rough))
    step = magnitude * min((1, 2, 5, 10), key=lambda each: abs(each * magnitude - rough))
    return [step * each for each in range(ceil(top / step)) if step * each <= top]
