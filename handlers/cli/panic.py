"""`vigie panic`: destroy the keys, now."""

from pathlib import Path
from typing import Annotated

import typer

from handlers.presence import end_all, secrets, told
from handlers.settings import Settings
from service.panic import PHRASES, Destroyed, are_keys, destroy, is_meant, key_files, remembered

_REMAINS = """
What remains, and what to do:
- The database is still there. Its sealed numbers and texts cannot be opened any more; places, days
  and types of reports and alerts can be read. If these could harm anyone, destroy the disk.
- Backups hold no key. They open for whoever has the identity of their recipient, and show as much
  as the database. Destroy that identity if it is in danger.
- Copies of the root key that you made (a stick, shares on paper) open old copies of the key store,
  if anyone made one. Destroy them, or see that nobody can put two shares together.
- Phones keep the texts that were sent and received: people must delete them.
- The telephone company and the gateway keep their records of who texted, and when.
- The logs hold no numbers. Restart the machine: its memory is empty then.

To begin again: `vigie init` makes new keys. Every person must be enrolled anew, with a new invite.
"""


def panic(
    yes_destroy: Annotated[
        str | None, typer.Option("--yes-destroy", metavar="PHRASE", hidden=True)
    ] = None,
) -> None:
    """Destroy every key within a second, end the running service, and say what remains.

    The keys of roles too, wherever on this machine `vigie keys export` wrote them.

    Nothing that was sealed can be opened again, by anyone: no number, no text. There is no way
    back. It asks for a phrase, so that nobody does it by mistake.
    """
    if yes_destroy is None:
        typer.echo(f"To destroy all keys for ever, type: {PHRASES[0]}", err=True)
        yes_destroy = typer.prompt(">", prompt_suffix=" ", err=True)
    if not is_meant(yes_destroy):
        typer.echo(f"that is not the phrase “{PHRASES[0]}”: nothing was destroyed", err=True)
        raise typer.Exit(2)
    settings = Settings()
    exported = remembered(settings.root_key)
    others = [*secrets(settings), *told(settings), *filter(are_keys, exported)]
    done = destroy(key_files(settings.root_key, settings.keystore_file, others))
    ended, elsewhere = end_all(settings)
    reached = {*done.gone, *(path for path, _ in done.left)}
    away = [path for path in exported if path not in reached]
    _tell(done, away, ended, elsewhere)
    if done.left or away or elsewhere or not done.gone:
        raise typer.Exit(1)


def _tell(done: Destroyed, away: list[Path], ended: int, elsewhere: int) -> None:
    for path in done.gone:
        typer.echo(f"destroyed      {path}")
    for path, why in done.left:
        typer.echo(f"STILL THERE    {path} ({why}): destroy it by hand")
    for path in away:
        typer.echo(
            f"NOT FOUND      {path} (a role's keys, written by `vigie keys export`): wherever it "
            "was taken, destroy it there"
        )
    if not done.gone:
        typer.echo("there was no key where the settings say: check VIGIE_DATA_DIR, VIGIE_KEY_FILE")
    if ended:
        typer.echo(f"ended          {ended} running process(es), with the keys in their memory")
    if elsewhere:
        typer.echo(
            f"STILL RUNNING  {elsewhere} process(es) with the keys in memory, out of reach from"
            " here: stop them now (docker compose kill; or switch the machine off)"
        )
    typer.echo(_REMAINS)
