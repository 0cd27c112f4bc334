"""No number, key or text passes the log's sink; metrics take no label that is not on a list."""

import asyncio
import gc
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import aiosqlite
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from service import telemetry
from service.telemetry import Metrics, redact
from service.telemetry.redaction import cut_quoted
from tests.support.leaks import Searcher

E164 = "+22374681357"
SPACED = "74 68 13 57"
SEARCHER = Searcher([E164])


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A configured log at DEBUG; the process is put back as it was."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    telemetry.configure("DEBUG", stream, json=True)
    yield stream
    root.handlers, sys.excepthook = handlers, hooks[0]
    threading.excepthook, sys.unraisablehook = hooks[1:]
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def events(log: io.StringIO, name: str) -> list[dict[str, object]]:
    """The lines of this event; libraries may log theirs at any moment."""
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == name]


WRITINGS = [
    E164,
    "0022374681357",
    "22374681357",
    "74681357",
    SPACED,
    "+223 74 68 13 57",
    "74-68-13-57",
    "74.68.13.57",
    "74_68_13_57",
    "(223) 7468-1357",
    "+223/74/68/13/57",
    "74\n68\n13\n57",
    "74\u00a068\u202f13\u200957",
    "٧٤٦٨١٣٥٧",
    "７４ ６８ １３ ５７",
    "۷۴۶۸۱۳۵۷",
    "22,374,681,357",
    "2.2374681357e10",
    "tel:+22374681357",
    quote("+223 74 68 13 57"),
    quote(quote("+223 74 68 13 57")),
    "%37%34%36%38%31%33%35%37",
    E164.encode("utf-16-le").decode("latin-1"),
    *(repr(E164.encode(encoding)) for encoding in ("ascii", "utf-16-le", "utf-16-be", "utf-32")),
    *(repr(E164.encode(encoding).decode("latin-1")) for encoding in ("utf-16-le", "utf-16-be")),
    repr(bytearray(E164.encode())),
    repr(b"\xf7" + bytes.fromhex("2273641853F7"))[:-1] + " ... (12 characters truncated",
    r"\u0037\u0034\u0036\u0038\u0031\u0033\u0035\u0037",
    r"\067\064\066\070\061\063\065\067",
    "&#55;&#52;&#54;&#56;&#49;&#51;&#53;&#55;",
    *(E164.encode(encoding).hex() for encoding in ("ascii", "utf-16-le", "utf-16-be")),
    b"74681357".hex(" "),
    b"74681357".hex(":").upper(),
    "2273641853F7",
    "22 73 64 18 53 F7",
    hex(22374681357),
    hex(74681357),
    str(list(b"74681357")),
    "X'37343638'",
    *(
        encode(b"abc"[:offset] + form + b"xyz").decode()
        for encode in (b64encode, urlsafe_b64encode)
        for form in (E164.encode(), b"74681357", SPACED.encode(), E164.encode("utf-16-le"))
        for offset in range(3)
    ),
]


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("around", ["{}", "sender={} refused", "<{}>", "'{}'", "x{}"])
def test_no_writing_of_a_number_passes(writing: str, around: str) -> None:
    cut = redact(around.format(writing))

    assert SEARCHER.search_text(cut, "log") == []
    assert sum(char.isdigit() for char in cut) <= 6
    assert redact(cut) == cut


@settings(deadline=None)
@given(st.integers(0, 9_999_999), st.text(), st.text())
def test_no_number_passes_whatever_stands_around_it(
    subscriber: int, before: str, after: str
) -> None:
    number = f"7{subscriber:07}"

    assert number not in redact(f"{before}{number}{after}")


@settings(deadline=None)
@given(st.text(max_size=500))
def test_any_text_can_be_redacted(anything: str) -> None:
    redact(anything)
    cut_quoted(anything)


HOSTILE = [
    *("%20", "\\x00", "1\\x", '\\"', "x\\\n", "ab", "AaBb", "0 ", "12345x", "+(", "&#", "1&"),
    *("b'", "'", "[parameters: ", "/gateways/", "?a="),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_megabyte_of_anything_is_redacted_in_linear_time(hostile: str) -> None:
    megabyte = hostile * (1_000_000 // len(hostile))

    redact(megabyte)  # anything quadratic would take hours here
    cut_quoted(megabyte)


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-01-31T23:59:58.123456Z started",
        "next run at 2026-11-15 00:00:00 UTC",
        "season from 2026-11-15",
        "serving at http://127.0.0.1:8080/",
        "market-cluster: 3 of 3 reports, 2 reporters, 72h, 25 km, severe, ML050101, 120 evidence",
        'File "/usr/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line 1967, in _exec',
        "SELECT inbox.id, inbox.sealed_sender FROM inbox WHERE inbox.due_at <= ? LIMIT ?",
        "[generated in 0.00012s] [SQL parameters hidden due to hide_parameters=True]",
        "sqlalchemy.exc.IntegrityError: UNIQUE constraint failed: outbox.alert_id",
        "HTTPException X25519PrivateKey ChaCha20Poly1305 IncidentType_by_code",
        "GET /gateways/africastalking/{token}/sms 503",
        "",
    ],
)
def test_what_the_operator_needs_stays(harmless: str) -> None:
    assert redact(harmless) == harmless


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "POST /gateways/africastalking/Zx9_token-of-mine/sms",
            "POST /gateways/africastalking/‹cut›",
        ),
        ("GET /simulator?phone=1&text=MA+SOKOLO 200", "GET /simulator?‹cut› 200"),
        ("[SQL: select ?] [parameters: ('Awa', 3)]", "[SQL: select ?] [parameters: ‹cut›]"),
        ("token 4bZ_Qk3v9XwTtR8nLm2y-A", "token ‹cut›"),
    ],
)
def test_tokens_queries_and_parameters_are_cut(line: str, expected: str) -> None:
    assert redact(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bad text 'MA SOKOLO 3 5'", "bad text '‹cut›'"),
        ('bad text "l\'attaque"', "bad text '‹cut›'"),
        ("bad text 'MA SOKOLO", "bad text '‹cut›'"),
        (r"'it\'s me' came", "'‹cut›' came"),
        ("no column 'sealed_sender'", "no column 'sealed_sender'"),
        ("it isn't there, and it's late", "it isn't there, and it's late"),
    ],
)
def test_what_a_library_quotes_is_cut(line: str, expected: str) -> None:
    assert cut_quoted(line) == expected


def test_every_field_is_redacted_and_the_logs_own_stay(log: io.StringIO) -> None:
    structlog.get_logger("vigie.test").warning(
        "from " + E164,
        number=E164,
        integer=22374681357,
        real=22374681357.0,
        raw=E164.encode(),
        nested={"a": [SPACED]},
        count=3,
        share=0.123456789,
        ok=True,
        nothing=None,
        **{E164: 1},
    )

    (event,) = events(log, "from ‹cut›")
    assert SEARCHER.search_text(log.getvalue(), "log") == []
    assert str(event["timestamp"]).startswith("20")
    assert (event["level"], event["logger"]) == ("warning", "vigie.test")
    assert (event["count"], event["share"], event["ok"], event["nothing"]) == (3, 0.123, True, None)


def test_readable_lines_are_redacted_too(log: io.StringIO) -> None:
    stream = io.StringIO()
    telemetry.configure("INFO", stream)

    structlog.get_logger().info("started", number=E164)
    structlog.get_logger().debug("not at this level")
    logging.getLogger("aiohttp.server").error("from %s", SPACED)

    assert stream.getvalue().count("\n") == 2
    assert "started" in stream.getvalue()
    assert SEARCHER.search_text(stream.getvalue(), "log") == []
    assert log.getvalue() == ""


def test_tracebacks_have_no_locals_no_notes_and_no_quotes(log: io.StringIO) -> None:
    def fail(number: str) -> None:
        try:
            {}[number]
        except KeyError as cause:
            error = ValueError(f"cannot read {'MA SOKOLO'!r} from {number}")
            error.add_note(f"MA SOKOLO from {number}")
            raise ExceptionGroup("several", [error, OSError(SPACED)]) from cause

    try:
        fail(E164)
    except ExceptionGroup:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed")

    for event in events(log, "failed"):
        shown = str(event["exception"])
        assert "SOKOLO'" not in shown
        assert "MA SOKOLO from" not in shown.replace('error.add_note(f"MA SOKOLO from', "")
        assert [kind in shown for kind in ("KeyError", "ValueError", "OSError", "ExceptionGroup")]
        assert "in fail" in shown
    assert SEARCHER.search_text(log.getvalue(), "log") == []


def test_an_exception_that_cannot_be_printed_is_logged(log: io.StringIO) -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError(E164)

    structlog.get_logger().error("failed", exc_info=Broken())

    assert "Broken" in str(events(log, "failed")[0]["exception"])


def test_a_record_that_cannot_be_formatted_prints_nothing_of_it(
    log: io.StringIO, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()  # pytest's own handlers would raise
    sinks = [handler for handler in root.handlers if getattr(handler, "stream", None) is log]
    monkeypatch.setattr(root, "handlers", sinks)

    logging.getLogger("library").error("%d reports", E164)

    assert log.getvalue() == "a log record of test_telemetry could not be written: TypeError\n"
    assert capfd.readouterr() == ("", "")


async def test_a_task_that_nobody_awaits(log: io.StringIO) -> None:
    async def fail(number: str) -> None:
        raise ValueError(f"MA SOKOLO {number}")

    task = asyncio.get_running_loop().create_task(fail(SPACED), name=E164)
    await asyncio.sleep(0.01)
    del task
    gc.collect()

    (event,) = events(log, "Task exception was never retrieved")
    assert "in fail" in str(event["exception"])
    assert SEARCHER.search_text(log.getvalue(), "log") == []


def test_warnings_and_threads(log: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError(E164)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"deprecated: {E164}", stacklevel=1)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    assert "UserWarning: deprecated: ‹cut›" in log.getvalue()
    assert len(events(log, "uncaught exception")) == 1
    assert SEARCHER.search_text(log.getvalue(), "log") == []


@pytest.mark.parametrize(
    "end",
    [
        "raise ValueError(number)",
        "class Late:\n def __del__(self): raise ValueError(number)\nLate()",
        "import asyncio\nasync def fail(): raise ValueError(number)\nasyncio.run(fail())",
    ],
)
def test_the_end_of_a_process_shows_no_number(end: str) -> None:
    program = (
        f"from service import telemetry\ntelemetry.configure('INFO')\nnumber = {E164[1:]}\n{end}"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "uncaught exception" in done.stderr
    assert SEARCHER.search_text(done.stderr + done.stdout, "output") == []


def test_sqlalchemy_at_debug(log: io.StringIO) -> None:
    engine = create_engine("sqlite://", echo="debug")
    with engine.begin() as connection:
        connection.execute(text("create table person (number text unique, sealed blob)"))
        insert = partial(
            connection.execute,
            text("insert into person values (:number, :sealed)"),
            {"number": E164, "sealed": E164.encode("utf-16-le")},
        )
        insert()
        connection.execute(text("select * from person")).all()
        try:
            insert()
        except Exception:
            logging.getLogger("library").exception("twice")
    engine.dispose()

    assert "UNIQUE constraint failed" in log.getvalue()
    assert SEARCHER.search_text(log.getvalue(), "log") == []


async def test_aiosqlite_at_debug(log: io.StringIO, tmp_path: Path) -> None:
    async with aiosqlite.connect(tmp_path / "x.sqlite") as connection:
        await connection.execute("create table person (number, sealed)")
        values = (22374681357, E164.encode())
        await connection.execute("insert into person values (?, ?)", values)

    assert "executing" in log.getvalue()
    assert SEARCHER.search_text(log.getvalue(), "log") == []


def test_the_access_log_has_the_template_and_no_made_up_method(log: io.StringIO) -> None:
    telemetry.log_request("POST", "/gateways/africastalking/{token}/sms", 200, 0.0123)
    telemetry.log_request(E164, None, 404, 1.0)

    (good, strange) = events(log, "request")
    assert good["route"] == "/gateways/africastalking/{token}/sms"
    assert (good["method"], good["status"], good["milliseconds"]) == ("POST", 200, 12.3)
    assert (strange["method"], strange["route"]) == ("other", "unknown")


def test_the_access_log_tells_at_info_only_what_went_wrong() -> None:
    stream = io.StringIO()
    telemetry.configure("INFO", stream, json=True)
    for status in (200, 303, 404, 503):
        telemetry.log_request("POST", "/", status, 0.0)

    told = [(event["status"], event["level"]) for event in events(stream, "request")]
    assert told == [(404, "info"), (503, "warning")]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(
        gateways=["simulator"],
        kinds=["sms", "receipt"],
        refusals=["too_large"],
        types=["market_attack"],
        problems=["no_place"],
        decisions=["raise"],
        severities=["severe"],
        warnings=("duress", "wrong_pins"),
        statuses=["sent"],
    )


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (
            lambda m: m.accepted.count("simulator", "sms"),
            'accepted_total{gateway="simulator",kind="sms"}',
        ),
        (lambda m: m.accepted.count(E164, SPACED), 'accepted_total{gateway="other",kind="other"}'),
        (
            lambda m: m.refused.count("simulator", E164),
            'refused_total{gateway="simulator",reason="other"}',
        ),
        (lambda m: m.reports.count("other"), 'vigie_reports_total{type="other"}'),
        (lambda m: m.deferred.count(), "vigie_messages_deferred_total"),
        (lambda m: m.oldest_inbox_age.set(1), "vigie_oldest_inbox_age_seconds"),
    ],
)
def test_labels_come_from_closed_lists(
    metrics: Metrics, count: Callable[[Metrics], None], line: str
) -> None:
    assert f"{line} 0.0" in metrics.render().decode()

    count(metrics)

    assert f"{line} 1.0" in metrics.render().decode()
    assert SEARCHER.search_bytes(metrics.render(), "metrics") == []


def test_a_label_too_few_is_a_mistake(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="zip"):
        metrics.accepted.count("simulator")


def test_a_repr_that_is_shortened_anywhere_keeps_nothing_of_its_strings() -> None:
    message = str(RuntimeError("not " + str(("a quetzalcoatl's word", "x")), 1))
    assert "\\'" in message
    for end in range(len(message) + 1):
        assert "quetz" not in cut_quoted(message[:end])
