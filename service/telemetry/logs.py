"""One log: structlog and every library's logging end in one sink, which redacts.

Nothing else writes to the stream: tracebacks (without locals), warnings, exceptions that nobody
caught and records that cannot be formatted come here too.
"""

import contextlib
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.telemetry.redaction import CUT, cut_quoted, redact

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LARGEST_NUMBER = 999_999  # anything longer could be a subscriber number
_LONGEST_MESSAGE = 4_000  # characters: some libraries quote the whole body that they refused
_META = frozenset({"_record", "_from_structlog"})
_TALKATIVE = ("alembic", "apscheduler")  # each start, tick and health check would be several lines
_log = structlog.stdlib.get_logger("vigie")
# Asking structlog whether a line is wanted costs more than the line of most requests is worth.
_wanted = logging.getLogger("vigie")


def configure(level: str, stream: TextIO = sys.stderr, *, json: bool = False) -> None:
    """Send all logging of this process at `level` (such as "INFO") or above to `stream`.

    One line an event: JSON, or readable text. May be called again, and then replaces itself.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    sink = _Sink(stream)
    sink.setFormatter(_formatter(stream, json))
    root = logging.getLogger()
    root.handlers = [sink]
    root.setLevel(level.upper())
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )
    sys.unraisablehook = lambda args: _log_uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def log_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """The access log's one line: the route's template, never the path, its query or a token.

    An answer as it should be is told at DEBUG: the metrics count those, and a line for each would
    cost more than accepting a text does.
    """
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    if not _wanted.isEnabledFor(level):
        return
    _log.log(
        level,
        "request",
        method=method if method in _METHODS else "other",
        route=route or "unknown",
        status=status,
        milliseconds=seconds * 1000,
    )


class _Sink(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say that a record was lost: logging's own way prints its arguments."""
        error = sys.exc_info()[0]
        reason = error.__name__ if error else "unknown"
        # Where nothing can be written, as on a full disk, the service does its work without a log.
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f"a log record of {record.module} could not be written: {reason}\n")


def _formatter(stream: TextIO, json: bool) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            _read_exception,
            _redact_fields,
            _add_own_fields,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
        foreign_pre_chain=[_distrust_library],
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log.critical("uncaught exception", exc_info=(kind, error, trace))


def _distrust_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    message = str(event["event"])
    if event["_record"].name == "asyncio":
        # Further lines print tasks and handles with their results and arguments.
        message = message.partition("\n")[0]
    event["event"] = cut_quoted(message)
    return event


def _read_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_describe(error, set()))
    return event


def _describe(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Traceback and message of an exception after those of its causes; no locals, no notes."""
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for other in (earlier, *members):
        if other is not None and id(other) not in seen:
            yield from _describe(other, seen)
            yield "which led to:" if other is earlier else "which is part of:"
    yield from (frame.rstrip("\n") for frame in traceback.format_tb(error.__traceback__))
    kind = type(error)
    yield f"{kind.__module__}.{kind.__qualname__}: {cut_quoted(_message(error))}"


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST_MESSAGE]
    except Exception:  # whatever an exception's own text does, the log goes on
        return CUT


def _redact_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key if key in _META else redact(str(key)): value if key in _META else _redact_value(value)
        for key, value in event.items()
    }


def _redact_value(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        value = round(value, 3)
    if isinstance(value, int | float):
        return value if abs(value) <= _LARGEST_NUMBER else CUT
    return redact(str(value))


def _add_own_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Time, level and logger, which come from the program and are not redacted."""
    record = event["_record"]
    at = datetime.fromtimestamp(record.created, UTC)
    return {
        "timestamp": at.isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        **event,
    }
