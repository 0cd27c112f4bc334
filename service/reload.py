"""Taking up changed rules and texts while the service runs: all of them, or none.

What happened before a rule was live raises nothing by itself: a rule is no reason to wake people
for what is past. It counts, though: a report that comes afterwards may complete a cluster with it.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from service import audit
from service.clock import Clock
from service.content import Content, ContentError
from service.store import Store
from service.tasks import first_of

log = structlog.get_logger()


class Reloader:
    """Loads the content anew when it is asked to, and hands it to those who work with it."""

    def __init__(
        self,
        load: Callable[[], Content],
        current: Content,
        adopters: Sequence[Callable[[Content], None]],
        store: Store,
        clock: Clock,
        role: str,
    ) -> None:
        """`load` may raise ContentError. Each of `adopters` takes up new content at once or
        before what it does next.

        `role` is this process's, for the audit log.
        """
        self._load = load
        self.current = current
        self._store = store
        self._clock = clock
        self._role = role
        self._adopters = adopters
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """The files may have changed."""
        self._asked.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Reload whenever that is asked, until told to stop."""
        while not stopping.is_set():
            await first_of(self._asked, stopping)
            if self._asked.is_set() and not stopping.is_set():
                self._asked.clear()
                await self.reload()

    async def reload(self) -> bool:
        """Take up the files as they are now, if all are valid; whether they were."""
        try:
            content = await asyncio.to_thread(self._load)
        except ContentError as error:
            problems = len(error.problems)
            log.warning("reload refused: run `vigie check`; the old rules stay", problems=problems)
            return False
        except Exception:  # whatever the files did to the loader, the service goes on
            log.exception("reload refused: the old rules stay")
            return False
        if content.hash == self.current.hash:
            log.info("reloaded: nothing has changed")
            return True
        try:
            fingerprint = audit.fingerprint(content.hash)
            now, role = self._clock.now(), self._role
            await audit.entered(
                self._store, now, "service", "took up content", role=role, content=fingerprint
            )
        except Exception:  # such as a database that does not answer: the service goes on
            log.exception("reload refused: it cannot be entered in the audit log")
            return False
        was, self.current = self.current, content
        for adopt in self._adopters:
            adopt(content)
        log.info("reloaded")
        _log_changes(was, content)
        log_waivers(content)
        return True


def log_waivers(content: Content) -> None:
    """Say which rules are live although they could expose somebody, because somebody decided so."""
    for waiver in content.waivers:
        exposes = ", ".join(waiver.exposes)
        log.warning("a rule is live by a waiver", rule=waiver.rule, exposes=exposes)


def _log_changes(was: Content, now: Content) -> None:
    """Say which rules changed, so that the log tells from when on each version was in force."""
    before = {rule.id: rule for rule in was.rules}
    after = {rule.id: rule for rule in now.rules}
    for id_ in sorted(before.keys() | after.keys()):
        old, new = before.get(id_), after.get(id_)
        if old != new:
            log.info(
                "a rule changed",
                rule=id_,
                was=old.status if old else None,
                now=new.status if new else None,
                hash=new.hash if new else None,
            )
