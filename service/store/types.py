"""The types of columns: what each driver is handed, and what comes back."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, in and out; a naive one is a programming error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else _utc(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object] | None:
        """For SQLite what its own DateTime makes, at once: a text takes four of them to store."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a naive datetime reached the store")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    """Year to microsecond, 26 letters; UTC goes without saying."""
    return None if value is None else _utc(value).isoformat(" ", "microseconds")[:26]


class Sealed(LargeBinary):
    """Bytes, which both drivers take as they are: a copy of each would be the dearest part."""

    def bind_processor(self, dialect: Dialect) -> None:
        """None: nothing is done to a value on its way in."""


# SQLite gives out row ids only for a column of exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
# What `Vault.index` and `Vault.blind` give: the version of the key, and the hash.
Hash = Sealed(33)
