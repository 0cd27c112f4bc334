"""What counts, and how verified it is, after any changes; and that each change says all of it."""

from random import Random

from service.domain.evidence import Evidence
from service.domain.geo import Point
from service.domain.repeats import Repeats
from tests.support.definition import counted

HOUR = 3600


def test_what_counts_is_that_of_the_definition_after_every_change() -> None:
    random = Random(1)
    for _ in range(3000):
        repeats = Repeats()
        known: dict[int, Evidence] = {}
        followed: set[Evidence] = set()
        for number in range(random.randint(1, 12)):
            if known and random.random() < 0.3:
                change = repeats.remove(known.pop(random.choice(list(known))))
            else:
                at = random.randint(0, 14) * HOUR
                verified = random.random() < 0.5
                evidence = Evidence(
                    number, "a", "p", "A", Point(0, 0), random.randint(1, 2), at, at,
                    verified=verified,
                )  # fmt: skip
                known[number] = evidence
                change = repeats.add(evidence)
            assert followed.issuperset(change.lost)
            followed.difference_update(change.lost)
            assert followed.isdisjoint(change.gained)
            followed.update(change.gained)
            assert followed == set(counted(known.values())) == set(repeats.counted.values())
