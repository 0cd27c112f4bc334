from itertools import permutations

import pytest

from service.domain.codebook import Near
from service.domain.evidence import Evidence
from service.domain.geo import Point
from service.domain.incidents import Known, corroborates

HOUR = 3600
NEAR = Near(km=10, hours=12)
KM = 360 / (2 * 3.141592653589793 * 6371.0088)  # one kilometre of latitude, in degrees


def at_km(km: float) -> Point:
    return Point(14.0 + km * KM, -4.0)


def known(id: int, km: float = 0, hours: float = 0, type: str = "market_attack") -> Known:
    return Known(id, type, at_km(km), int(hours * HOUR))


REPORT = Evidence(1, "market_attack", "p", "ML0501", at_km(0), reporter=1, at=0, known_at=0)


@pytest.mark.parametrize(
    ("incidents", "found"),
    [
        ([], None),
        ([known(7)], 7),
        ([known(7, km=9.999)], 7),
        ([known(7, km=10.001)], None),
        ([known(7, hours=12)], 7),
        ([known(7, hours=-12)], 7),
        ([known(7, hours=12.001)], None),
        ([known(7, type="banditry")], None),
        ([known(7, km=6), known(8, km=3)], 8),
        ([known(7, hours=6), known(8, hours=-3)], 8),
        ([known(7, km=5, hours=1), known(8, km=1, hours=10)], 7),
        ([known(9, km=2), known(8, km=2)], 8),
    ],
)
def test_the_nearest_incident_of_the_type_is_corroborated(incidents, found):
    assert {corroborates(REPORT, order, NEAR) for order in permutations(incidents)} == {found}
