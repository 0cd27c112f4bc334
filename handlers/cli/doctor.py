"""`vigie doctor`: is everything as it should be, and what to do if not."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from handlers.app import NotReady, content_of, gateways_of, opened, tokens, unlock
from handlers.cli import machine, undelivered
from handlers.cli.findings import Finding, State
from handlers.settings import Settings
from service.content import Content, ContentError
from service.domain.areas import COUNTRY
from service.domain.escalation import Responder
from service.domain.routes import COORDINATOR, EscalationPolicy
from service.health import SAID_FOR
from service.picture import areas_in_use
from service.progress import untold
from service.retention import limits_at
from service.roster import Roster
from service.store import (
    AnyRow,
    Store,
    coordinators,
    inbox,
    migrate,
    people,
    pins,
    postgres,
    retention,
    stages,
)
from service.store.retention import Held
from service.vault.keys import Keyring, KeysError
from service.vault.keystore import Keystore
from service.vault.vault import Vault

OLDEST_WAITING = timedelta(minutes=10)
# The timers come every ten minutes; what is due for longer nobody forgets.
FORGETTING = timedelta(hours=1)
MOST_NAMED = 10  # of the alerts that are listed in one line


def doctor(
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, for a program to read.")
    ] = False,
) -> None:
    """Look at keys, permissions, clock, disk, gateway, content and database; say what to do.

    Exits with 1 if anything is bad; warnings alone exit with 0.
    """
    settings = Settings()
    keys = _unlocked(settings)  # once: a passphrase may have to be typed
    findings = [
        *_keys(settings, keys),
        *_key_store(settings, keys),
        *(finding for look in LOOKS for finding in look(settings)),
        *_database(settings, keys),
    ]
    if json_:
        typer.echo(json.dumps([asdict(f) for f in findings], ensure_ascii=False, indent=2))
    else:
        table = Table("", "", "", "what to do", box=None, show_header=False)
        colours = {"good": "green", "warning": "yellow", "bad": "red"}
        for found in findings:
            state = f"[{colours[found.state]}]{found.state}[/]"
            table.add_row(state, found.name, found.what, found.do)
        Console().print(table)
    if any(found.state == "bad" for found in findings):
        raise typer.Exit(1)


def _unlocked(settings: Settings) -> Keyring | KeysError:
    try:
        return unlock(settings, ask=True)
    except KeysError as error:
        return error


def _keys(settings: Settings, keys: Keyring | KeysError) -> Iterator[Finding]:
    try:
        if isinstance(keys, KeysError):
            raise keys
        live = tokens(settings)
    except (KeysError, NotReady) as error:
        yield Finding("keys", "bad", str(error))
        return
    yield Finding("keys", "good", f"{settings.root_key} opens; {len(live)} live token(s)")


def _key_store(settings: Settings, keys: Keyring | KeysError) -> Iterator[Finding]:
    """A key store that was lost and made anew opens nobody, and everything else looks well."""
    if isinstance(keys, KeysError):
        return  # said already
    try:
        yield from asyncio.run(_look_at_key_store(settings, keys))
    except KeysError as error:
        yield Finding("key store", "bad", str(error))
    except (SQLAlchemyError, OSError):
        return  # the database is looked at by itself


async def _look_at_key_store(settings: Settings, keyring: Keyring) -> list[Finding]:
    store = Store(settings.database)
    try:
        if not _is_there(store) or not await migrate.is_current(store):
            return []
        async with store.read() as tx:
            everybody = await people.ids(tx)
    finally:
        await store.close()
    vault = Vault(keyring, Keystore(settings.keystore_file))
    try:
        lost = sum(not vault.has_person(person) for person in everybody)
    finally:
        vault.close()
    if not lost:
        return [Finding("key store", "good", f"has the keys of all {len(everybody)} people")]
    what = f"has no key for {lost} of {len(everybody)} people: it was lost and made anew, or is old"
    do = "put back the one that belongs to this database, else enrol them again: deploy/README.md"
    return [Finding("key store", "bad", what, do)]


def _permissions(settings: Settings) -> Iterator[Finding]:
    folders = [settings.data_dir, settings.root_key.parent]
    yield from machine.permissions(machine.modes([*folders, settings.root_key]))
    yield from machine.apart(settings.root_key, settings.data_dir, machine.heads(folders))


def _memory(_settings: Settings) -> Iterator[Finding]:
    yield from machine.swap(machine.read("/proc/swaps"))
    yield from machine.core_pattern(machine.read("/proc/sys/kernel/core_pattern"))
    yield from machine.ptrace_scope(machine.read("/proc/sys/kernel/yama/ptrace_scope"))


def _clock(_settings: Settings) -> Iterator[Finding]:
    yield from machine.clock(datetime.now(UTC), machine.synchronised())


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.data_dir if settings.data_dir.exists() else Path()
    yield from machine.space(shutil.disk_usage(place).free)


def _gateway(settings: Settings) -> Iterator[Finding]:
    try:
        gateways_of(settings)
    except NotReady as error:
        yield Finding("gateway", "bad", str(error))
        return
    names = ", then ".join(settings.gateway)
    if "simulator" in settings.gateway:
        yield Finding(
            "gateway", "warning", "the simulator: no text reaches a real phone", "set VIGIE_GATEWAY"
        )
    elif settings.at_sender is None:
        do = "set VIGIE_AT_SENDER, else texts come from the gateway's shared number"
        yield Finding("gateway", "warning", f"{names}, without a sender", do)
    else:
        yield Finding("gateway", "good", names)


def _content(settings: Settings) -> Iterator[Finding]:
    try:
        content = content_of(settings)
    except ContentError as error:
        count = len(error.problems)
        yield Finding("content", "bad", f"{count} problem(s)", "run `vigie check`")
        return
    live = sum(rule.status == "live" for rule in content.rules)
    places = len(content.gazetteer)
    yield Finding("content", "good", f"{live} live rules, {places} places")
    yield from _texts(settings, content)


def _texts(settings: Settings, content: Content) -> Iterator[Finding]:
    """Which languages have texts that nobody has reviewed, and whether they go out."""
    if not content.drafts:
        yield Finding("texts", "good", "every text in every language is reviewed")
    for language, names in sorted(content.drafts.items()):
        what = f"{len(names)} in {language!r} are drafts or missing"
        if settings.is_live:
            what += ", and do not leave by " + " or ".join(settings.gateway)
            do = "people get their second language until a native speaker has reviewed them"
            yield Finding("texts", "warning", f"{what}: {', '.join(names)}", do)
        else:
            yield Finding("texts", "good", f"{what}: the simulator alone sends drafts")


def _database(settings: Settings, keys: Keyring | KeysError) -> Iterator[Finding]:
    try:
        if isinstance(keys, KeysError):
            raise keys
        yield from asyncio.run(_look_at_database(settings, keys))
    except (KeysError, ContentError):
        yield Finding("database", "warning", "not looked at", "mend keys and content first")
    except (SQLAlchemyError, OSError) as error:
        reason = type(error).__name__
        yield Finding("database", "bad", f"it does not answer ({reason})", "see VIGIE_DATABASE_URL")


async def _look_at_database(settings: Settings, keyring: Keyring) -> list[Finding]:
    async with opened(settings, "console", keyring=keyring) as base:
        if not _is_there(base.store) or not await migrate.is_current(base.store):
            return [Finding("database", "bad", "not set up for this version", "run `vigie init`")]
        now = base.clock.now()
        async with base.store.read() as tx:
            waiting, oldest = await inbox.depth(tx, now)
            counts = await people.counts(tx)
            loud = await postgres.loud(tx)
            set_aside = sum((await inbox.misdated(tx)).values())
            named = await areas_in_use(tx, base.content, now)
            held = await retention.look(tx, limits_at(base.content, now - FORGETTING))
            warned = await pins.warnings(tx)
            asked = await coordinators.waiting(tx, now)
            roster = await Roster.load(tx, base.content, now)
            not_sent = await undelivered.look(tx, now)
            passed_over = await stages.passed_over(tx, now - SAID_FOR)
            unheard = await untold(tx, base.content, now - SAID_FOR)
    findings = [Finding("database", "good", f"answers; {waiting} message(s) wait")]
    if oldest and now - oldest > OLDEST_WAITING:
        do = "is `vigie serve` running? its log says more"
        findings.append(Finding("inbox", "bad", f"a message waits since {oldest:%H:%M} UTC", do))
    findings += [_warned(row) for row in warned] + [_asked(row) for row in asked] + not_sent
    for name, (found, quiet) in loud.items():
        what = f"{name} is {found}: the server's log may hold what it is given"
        findings.append(Finding("database log", "warning", what, f"set {name} = {quiet}"))
    if set_aside:
        what = f"{set_aside} text(s) are set aside for their date, and gone after three days"
        findings.append(Finding("inbox", "warning", what, "`vigie late` says more"))
    focal_points, responders = counts.get("focal_point", 0), counts.get("responder", 0)
    what = f"{focal_points} focal points, {responders} responders"
    findings.append(Finding("people", "good", what))
    findings += [_untold(number) for number in unheard]
    findings += _hearing(base.content.escalation, roster.responders, passed_over)
    if named == {COUNTRY}:
        policy = base.content.areas
        findings.append(
            Finding(
                "areas",
                "warning",
                "alerts name nothing finer than the country",
                f"enrol at least {policy.k + policy.margin} focal points in one area",
            )
        )
    else:
        findings.append(Finding("areas", "good", f"alerts may name {len(named) - 1} area(s)"))
    return [*findings, *map(_kept, held)]


def _kept(held: Held) -> Finding:
    """How long a table keeps what is personal, and whether it is kept for longer."""
    line = held.keeping
    name = f"keeps: {line.table.name}"
    fate = "" if line.fate == "kept" else f", then {line.fate}"
    what = f"{line.personal}: {line.how_long}{fate}; {held.rows} row(s)"
    if held.oldest:
        what += f", the oldest of {held.oldest:%Y-%m-%d}"
    if not held.overdue:
        return Finding(name, "good", what)
    do = "is `vigie serve` running? its log says more"
    # Whose time came when somebody left may be minutes old; the rest is older than it should be.
    state: State = "warning" if line.limit == "now" else "bad"
    return Finding(name, state, f"OVERDUE: {held.overdue} of {what}", do)


def _hearing(
    policy: EscalationPolicy, responders: Sequence[Responder], passed_over: Sequence[int]
) -> Iterator[Finding]:
    """What keeps alerts from going the routes that coordinators wrote.

    `passed_over`: the alerts of the last days of which somebody was not told for their absence.
    """
    failing = [str(each.id) for each in responders if each.absent == "unreachable"]
    if failing:
        what = f"texts to responders fail, who are passed over: pseudonyms {', '.join(failing)}"
        do = "look them up: an answer from that phone, or a new invite, makes it reachable again"
        yield Finding("responders", "warning", what, do)
    if paused := sum(each.absent == "paused" for each in responders):
        what = f"{paused} responder(s) asked for a pause and are passed over until it ends"
        do = "see who is left with `vigie route`; `vigie responder list`"
        yield Finding("responders", "warning", what, do)
    if passed_over:
        numbers = ", ".join(map(str, passed_over[-MOST_NAMED:]))
        more = "the last of them " if len(passed_over) > MOST_NAMED else ""
        what = (
            f"responders were passed over in {len(passed_over)} alert(s) this week: {more}{numbers}"
        )
        do = f"`vigie explain {passed_over[-1]}` says at which steps, and as what they act"
        yield Finding("responders", "warning", what, do)
    strange = sorted({each.function for each in responders if each.function} - {*policy.functions})
    if strange:
        what = f"responders have functions that are no more declared: {', '.join(strange)}"
        do = "declare them in rules/escalation.yaml, or `vigie responder clear --function`"
        yield Finding("responders", "warning", what, do)
    if responders and not any(each.function == COORDINATOR for each in responders):
        what = "no responder is a coordinator: nobody hears of what nobody answers"
        do = "`vigie responder invite --area ML --function coordinator`"
        yield Finding("responders", "warning", what, do)


def _untold(number: int) -> Finding:
    what = f"alert {number} is open and told nobody: who could be is absent, or not enrolled"
    return Finding("responders", "bad", what, f"find somebody; see `vigie explain {number}`")


def _warned(row: AnyRow) -> Finding:
    do = "text nothing and call nobody near; speak with them, then `vigie focal-point clear`"
    if row.kind == "duress":
        what = f"a focal point may be under threat: pseudonym {row.person_id}, {row.since}"
        return Finding("people", "bad", what, do)
    what = f"several wrong PINs came from one phone: pseudonym {row.person_id}, {row.since}"
    return Finding("people", "warning", what, "speak with them; `vigie focal-point clear`")


def _asked(row: AnyRow) -> Finding:
    """What takes two, and waits: the others are to know of it, because it could be forced."""
    subject = row.subject.get("name") or row.subject.get("area", "")
    what = f"{row.asked_by} asked on {row.asked_at:%Y-%m-%d}: {row.act} {subject}"
    do = f"speak with them; then another runs `vigie coordinator approve {row.id} --as NAME`"
    return Finding("takes two", "warning", what, do)


def _is_there(store: Store) -> bool:
    # Looking must not make an empty database file.
    return not store.is_sqlite or any(path.exists() for path in store.files())


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _permissions,
    _memory,
    _clock,
    _disk,
    _gateway,
    _content,
)
