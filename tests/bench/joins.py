"""The matches of cluster rules by the batch joins of DuckDB and of Polars.

A rule is met at a report that sees enough reports by enough people: a join of reports with reports
on type, nearness and time, grouped by the one that looks.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars

from service.domain.engine import Evidence
from service.domain.geo import Point, distance_km
from service.domain.rule import Count, Rule

Matches = dict[str, set[int]]


class Joins:
    """Reports as tables in memory, with how far each place is from each."""

    def __init__(self, events: Iterable[Evidence]) -> None:
        kept = list(events)
        points: dict[str, Point] = {event.place: event.point for event in kept}
        self._reports = polars.DataFrame(
            {
                "id": [event.id for event in kept],
                "type": [event.type for event in kept],
                "place": [event.place for event in kept],
                "reporter": [event.reporter for event in kept],
                "at": [event.at for event in kept],
            }
        )
        pairs = [(a, b, distance_km(points[a], points[b])) for a in points for b in points]
        self._distances = polars.DataFrame(
            pairs, schema=["place", "there", "km"], orient="row", infer_schema_length=None
        )
        self._duckdb = duckdb.connect()
        with TemporaryDirectory() as folder:
            for name, frame in (("report", self._reports), ("distance", self._distances)):
                file = Path(folder) / name
                frame.write_parquet(file)
                self._duckdb.read_parquet(str(file)).create(name)

    def by_duckdb(self, rules: Sequence[Rule]) -> Matches:
        query = """
            SELECT anchor.id
            FROM report AS anchor
            JOIN distance ON distance.place = anchor.place AND distance.km <= $km
            JOIN report AS seen ON seen.place = distance.there AND seen.type = anchor.type
                AND seen.at > anchor.at - $span AND seen.at <= anchor.at
            WHERE anchor.type = $type
            GROUP BY anchor.id
            HAVING count(*) >= $reports AND count(DISTINCT seen.reporter) >= $people
        """
        return {
            rule.id: {id_ for (id_,) in self._duckdb.execute(query, _asked(rule)).fetchall()}
            for rule in rules
        }

    def by_polars(self, rules: Sequence[Rule]) -> Matches:
        found: Matches = {}
        for rule in rules:
            asked = _asked(rule)
            counted = self._reports.lazy().filter(polars.col("type") == asked["type"])
            seen = counted.select(there="place", seen_reporter="reporter", seen_at="at")
            near = self._distances.lazy().filter(polars.col("km") <= asked["km"])
            met = (
                counted.join(near, on="place")
                .join(seen, on="there")
                .filter(
                    polars.col("seen_at") > polars.col("at") - asked["span"],
                    polars.col("seen_at") <= polars.col("at"),
                )
                .group_by("id")
                .agg(reports=polars.len(), people=polars.col("seen_reporter").n_unique())
                .filter(
                    polars.col("reports") >= asked["reports"],
                    polars.col("people") >= asked["people"],
                )
            )
            found[rule.id] = set(met.collect()["id"])
        return found


def _asked(rule: Rule) -> dict[str, Any]:
    when = rule.when
    assert isinstance(when, Count)
    (type_,) = when.types
    return {
        "type": type_,
        "km": when.within.km,
        "span": when.within.hours * 3600,
        "reports": when.at_least,
        "people": when.distinct_reporters,
    }
