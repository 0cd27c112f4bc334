"""How two places are told apart in a few words."""

from service.domain import words
from service.domain.areas import AreaTree
from service.domain.gazetteer import Place


def told_apart(first: Place, second: Place, tree: AreaTree) -> tuple[str, str]:
    """Name two places, with their cercles, communes or codes where their names are one name."""
    both = (first, second)
    communes = [tree.name(each.area) if each.area in tree else "" for each in both]
    for beside in (["", ""], [each.cercle for each in both], communes):
        named = [_named(place.name, where) for place, where in zip(both, beside, strict=True)]
        if words.key(named[0]) != words.key(named[1]):
            return named[0], named[1]
    return f"{first.name} {first.code}", f"{second.name} {second.code}"


def _named(name: str, where: str) -> str:
    return f"{name} ({where})" if where else name
