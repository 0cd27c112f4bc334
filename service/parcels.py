"""What goes to one person in one text: a digest is packaging, and not another way.

Each alert has its own row for each of its responders, whether it goes alone or with others: who had
it, its tries, receipts and answers are the row's. Only what a gateway is called for is one.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from service.domain.codebook import Severity
from service.domain.delivery import Try
from service.store import AnyRow

Parcel = tuple[AnyRow, ...]
"""Rows that go in one text, one of most; those of several are alerts to one person."""


def parcels(
    rows: Sequence[AnyRow],
    about: Mapping[int, AnyRow],
    tries: Mapping[int, Sequence[Try]],
    together: Collection[Severity],
) -> list[Parcel]:
    """Put the alerts to one person that are all so slight together, and each other text by itself.

    What is of an exercise is not mixed with what is so. What was tried before goes with what shared
    its tries: so the rows of a parcel always take the same gateway, and fail or arrive alike.
    """
    found: dict[object, list[AnyRow]] = defaultdict(list)
    for row in rows:
        alert = about.get(row.alert_id)
        if row.purpose == "alert" and alert is not None and alert.severity in together:
            had = tuple(tries.get(row.id, ()))
            found[row.person_id, row.language, alert.drill, had].append(row)
        else:
            found[row.id].append(row)
    return [tuple(each) for each in found.values()]
