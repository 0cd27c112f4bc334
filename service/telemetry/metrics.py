"""Counts and depths for Prometheus, with labels from closed lists only.

A label is never what a gateway or a person sent: what is not in the list counts as "other".
"""

from collections.abc import Iterable
from itertools import product
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)

OTHER: Final = "other"


class Tally:
    """A counter whose labels come from closed lists; every combination starts at zero."""

    def __init__(
        self, registry: CollectorRegistry, name: str, help_: str, **labels: Iterable[str]
    ) -> None:
        self._counter = Counter(name, help_, tuple(labels), namespace="vigie", registry=registry)
        self._known = tuple(frozenset((*values, OTHER)) for values in labels.values())
        for combination in product(*self._known) if labels else ():
            self._counter.labels(*combination)

    def count(self, *labels: str, by: int = 1) -> None:
        """Add `by`; the labels come in the order in which they were declared."""
        closed = (
            label if label in known else OTHER
            for label, known in zip(labels, self._known, strict=True)
        )
        (self._counter.labels(*closed) if self._known else self._counter).inc(by)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(
        self,
        *,
        gateways: Iterable[str],
        kinds: Iterable[str],
        refusals: Iterable[str],
        types: Iterable[str],
        problems: Iterable[str],
        decisions: Iterable[str],
        severities: Iterable[str],
        statuses: Iterable[str],
        warnings: Iterable[str],
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        gateways = tuple(gateways)

        def tally(name: str, help_: str, **labels: Iterable[str]) -> Tally:
            return Tally(registry, name, help_, **labels)

        def gauge(name: str, help_: str) -> Gauge:
            return Gauge(name, help_, namespace="vigie", registry=registry)

        self.accepted = tally("messages_accepted", "Messages on disk", gateway=gateways, kind=kinds)
        self.refused = tally(
            "messages_refused", "Messages refused at the edge", gateway=gateways, reason=refusals
        )
        self.reports = tally("reports", "Texts read as a report", type=types)
        self.problems = tally("problems", "Texts that could not be read", kind=problems)
        self.decisions = tally("decisions", "What rules concluded", kind=decisions)
        self.alerts = tally("alerts", "Alerts raised", severity=severities)
        self.deliveries = tally(
            "deliveries", "Changes of state of deliveries", gateway=gateways, status=statuses
        )
        self.deferred = tally("messages_deferred", "Messages put off by the rate limit")
        self.quarantined = tally("messages_quarantined", "Messages that could not be processed")
        self.warnings = tally("warnings", "What a coordinator must look into", kind=warnings)
        self.inbox_depth = gauge("inbox_depth", "Messages waiting to be processed")
        self.outbox_depth = gauge("outbox_depth", "Texts waiting to be sent")
        self.oldest_inbox_age = gauge(
            "oldest_inbox_age_seconds", "Age of the oldest message that waits"
        )

    def render(self) -> bytes:
        """The page for Prometheus, in its text format."""
        return generate_latest(self._registry)
