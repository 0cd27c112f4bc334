"""What is asked of whoever runs a command: never shown, never an argument, never on the disk."""

import sys

import typer

from handlers.settings import Settings
from service.vault import keyfile


def passphrase(settings: Settings, *, piped: bool = False) -> str | None:
    """The key file's passphrase: from the file of the settings, else from whoever is at a terminal.

    None where the key file has none, or where there is nobody to ask: what then opens the key file
    says what to do. With `piped`, a line of standard input will do in place of a terminal. Raises
    KeysError where the file is there and cannot be used.
    """
    at = settings.passphrase_file
    if at and (at.exists() or not (piped or sys.stdin.isatty())):
        return keyfile.read_passphrase(at)
    if not keyfile.is_wrapped(settings.root_key):
        return None
    if not piped and not sys.stdin.isatty():
        return None
    return secret(f"Passphrase of {settings.root_key}")


def secret(what: str) -> str:
    """A line that is not shown: from the terminal, or from standard input where there is none."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, default="", show_default=False, err=True))
    return sys.stdin.readline().rstrip("\r\n")
