"""Two places are named so that whoever reads the names knows which is which."""

import pytest

from service.domain.apart import told_apart
from service.domain.areas import COUNTRY, AreaTree
from service.domain.gazetteer import Place

TREE = AreaTree({"A": ("Alpha", COUNTRY), "B": ("Beta", COUNTRY)})


def place(name: str, cercle: str = "Niono", area: str = "A", code: str = "11111") -> Place:
    return Place(code=code, name=name, kind="village", cercle=cercle, area=area, point=None)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (place("Konna"), ("Sokolo", "Konna")),
        (place("SOKOLÔ", "Macina"), ("Sokolo (Niono)", "SOKOLÔ (Macina)")),
        (place("Sokolo", area="B"), ("Sokolo (Alpha)", "Sokolo (Beta)")),
        (place("Sokolo", code="22222"), ("Sokolo 11111", "Sokolo 22222")),
        (place("Sokolo", area="gone", code="2"), ("Sokolo (Alpha)", "Sokolo")),
    ],
)
def test_as_much_is_said_as_tells_them_apart(second: Place, told: tuple[str, str]) -> None:
    assert told_apart(place("Sokolo"), second, TREE) == told
