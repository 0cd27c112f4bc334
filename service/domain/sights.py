"""Which way a rule looks at reports, by the form of its condition."""

from service.domain.condition import AllOf, AnyOf, Count, Level, Unusual
from service.domain.condition import Sequence as FirstThen
from service.domain.days import Days
from service.domain.grid import Grid
from service.domain.joined import AllSight, AnySight, SequenceSight
from service.domain.rule import Rule
from service.domain.sight import CountSight, Sight
from service.domain.unusual import UnusualSight


def sight_of(rule: Rule, grid: Grid, days: Days) -> Sight:
    """How the rule looks at what `grid` holds."""
    when = rule.when
    match when:
        case Count():
            return CountSight(when, grid, days)
        case AllOf():
            return AllSight(when, grid, days)
        case AnyOf():
            return AnySight(when, grid, days)
        case FirstThen():
            return SequenceSight(when, grid, days)
        case Unusual():
            one_per = rule.alert.one_per
            level: Level = "cercle" if one_per == "cluster" or one_per == "place" else one_per
            return UnusualSight(when, level, grid)
