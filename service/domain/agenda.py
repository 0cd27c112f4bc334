"""What is still to be looked at, in the one order in which evidence is judged."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from service.domain.evidence import Evidence


class Agenda:
    """Anchors to look at, each once, in the order (at, id)."""

    def __init__(self, anchors: Iterable[Evidence]) -> None:
        self._heap: list[tuple[int, int, Evidence]] = []
        self._waiting: set[int] = set()
        self.push(anchors)

    def push(self, anchors: Iterable[Evidence]) -> None:
        for anchor in anchors:
            if anchor.id not in self._waiting:
                self._waiting.add(anchor.id)
                heappush(self._heap, (anchor.at, anchor.id, anchor))

    def __iter__(self) -> Iterator[Evidence]:
        """Yield until none is left, those included that are pushed meanwhile."""
        while self._heap:
            anchor = heappop(self._heap)[2]
            self._waiting.remove(anchor.id)
            yield anchor
