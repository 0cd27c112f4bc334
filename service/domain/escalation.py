"""Who is told of an alert."""

from service.domain.areas import COUNTRY, AreaTree
from service.domain.clearance import Clearance
from service.domain.codebook import Severity


def told(tree: AreaTree, named: str, concerned: str) -> str:
    """The area whose branch of the tree is told: who holds it, is in it, or is it.

    `named` is the area that the alert names, `concerned` the finest one that holds what happened.
    Only the named area decides, since who is told says as much as the text does. Where the alert
    may name nothing finer than the country, the région decides: else a village's first alerts
    would go to the whole country, and nobody would act on any.
    """
    if named != COUNTRY or concerned == COUNTRY:
        return named
    return tree.path(concerned)[-2]


def is_told(
    tree: AreaTree,
    area: str,
    responder: str,
    clearance: Clearance,
    type_: str,
    severity: Severity | None,
) -> bool:
    """Whether a responder who serves `responder` is told of what is told in `area`.

    `severity` is None for a text that names none: a correction goes to whoever was told, however
    grave the alert has become since, as long as they are cleared for its area and type.
    """
    if responder not in tree or not tree.on_same_branch(area, responder):
        return False
    if severity is None:
        return clearance.covers_type(type_)
    return clearance.covers(type_, severity)
