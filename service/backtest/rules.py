"""The rules to judge by: a whole content directory, or a few files laid over the project's."""

import tempfile
from pathlib import Path

from service.content import Content, load

RULES, TEXTS = "rules", "templates_sms"

# They speak of the project's own rules, and have no meaning beside others.
_OF_ITS_RULES = ("alerts", "silences.yaml", "waivers.yaml")


def load_over(directory: Path, project: Path) -> Content:
    """Load the rules of a directory; what it does not have is taken from the project's content.

    `directory` holds `rules/`, or is itself what `rules/` would be, or holds nothing but YAML files
    of rules. Raises ContentError with every problem of the whole.
    """
    if directory.resolve() == project.resolve():
        return load(project, to_replay=True)
    own = directory / RULES if (directory / RULES).is_dir() else directory
    texts = directory / TEXTS if (directory / TEXTS).is_dir() else project / TEXTS
    shared = [part for part in (project / RULES).iterdir() if part.name not in _OF_ITS_RULES]
    parts = {part.name: part for part in shared}
    if (own / "alerts").is_dir():
        parts |= {part.name: part for part in own.iterdir()}
    else:
        parts["alerts"] = own
    with tempfile.TemporaryDirectory(prefix="vigie-rules-") as made:
        laid = Path(made)
        (laid / RULES).mkdir()
        _link(texts, laid / TEXTS)
        for name, part in parts.items():
            _link(part, laid / RULES / name)
        return load(laid, to_replay=True)


def _link(real: Path, name: Path) -> None:
    name.symlink_to(real.resolve(), target_is_directory=real.is_dir())
