"""What `--since` says, alike in every command."""

from datetime import UTC, date, datetime, timedelta

import typer
from pydantic import TypeAdapter, ValidationError

from service.domain.rule import Hours

_HOURS: TypeAdapter[int] = TypeAdapter(Hours)
_DATE: TypeAdapter[date] = TypeAdapter(date)


def begins(since: str, now: datetime) -> datetime:
    """The moment that a day or a span before `now` begins. Raises BadParameter."""
    try:
        return now - timedelta(hours=_HOURS.validate_python(since))
    except ValidationError:
        pass
    try:
        day = _DATE.validate_python(since)
    except ValidationError:
        raise typer.BadParameter("write 2026-11-01, 72h, 30d or 8w", param_hint="--since") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
