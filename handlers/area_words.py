"""How coordinators are told of areas, on the terminal and on the page."""

from types import MappingProxyType

from service.areas import Shown

WORDS = MappingProxyType(
    {
        "fr": {
            "in_use": "en usage",
            "since": "depuis le",
            "version": "version",
            "behind": "personnes qu'une telle alerte désigne",
            "steady": "présentes tout ce temps",
            "few": "pas en usage, les alertes disent {named} : il manque {more} personne(s)"
            " inscrite(s) ici{beside} pour la mettre en usage",
            "beside": ", et {beside} ailleurs dans {named},",
            "rest": "pas en usage, les alertes disent {named} : il faut {count} personne(s) de "
            "plus inscrite(s) ailleurs dans {named}, sinon on reconnaîtrait celles qui restent",
            "told_apart": "pas en usage, les alertes disent {named} : quand des alertes disaient "
            "déjà {named}, moins de {k} des personnes d'ici étaient inscrites. Inscrivez ensemble, "
            "le même jour, celles d'un même lieu",
            "coarsened": "pas en usage, les alertes disent {named} : deux coordinateurs en ont "
            "décidé ainsi",
        },
        "en": {
            "in_use": "in use",
            "since": "since",
            "version": "version",
            "behind": "people that such an alert points at",
            "steady": "there all that time",
            "few": "not in use, alerts say {named}: {more} more people enrolled here{beside} "
            "bring it into use",
            "beside": ", and {beside} elsewhere in {named},",
            "rest": "not in use, alerts say {named}: {count} more people are needed elsewhere in "
            "{named}, else those who remain could be told",
            "told_apart": "not in use, alerts say {named}: when alerts already said {named}, fewer "
            "than {k} of the people here were enrolled. Enrol the people of one place together, "
            "on one day",
            "coarsened": "not in use, alerts say {named}: two coordinators decided so",
        },
    }
)


def wanting(area: Shown, k: int, language: str) -> str:
    """What keeps an area from coming into use, and what would end that; empty if it is in use."""
    if area.wanting is None:
        return ""
    words, more, count = WORDS[language], area.wanting.more, area.wanting.beside
    beside = words["beside"].format(beside=count, named=area.named) if count else ""
    return words[area.wanting.why].format(
        named=area.named, more=more, count=count, beside=beside, k=k
    )
