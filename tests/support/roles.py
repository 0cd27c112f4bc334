"""Key files for processes that have the keys of one role alone."""

from pathlib import Path

from tests.support.process import run

ROLES = ("intake", "engine", "sender", "console")


async def keys_of_roles(folder: Path, env: dict[str, str]) -> dict[str, dict[str, str]]:
    """The environment of each role: its own key file in a folder of its own."""
    environments = {}
    for role in ROLES:
        file = folder / role / "role.key"
        await run("keys", "export", "--role", role, "--to", file, env=env)
        assert file.stat().st_mode & 0o777 == 0o600
        store = str(folder / "data-keys" / "keystore.sqlite")
        environments[role] = env | {"VIGIE_KEY_FILE": str(file), "VIGIE_KEYSTORE": store}
    return environments
