"""The rules to judge by: a whole content directory, or a few files laid over the project's."""

import tempfile
from pathlib import Path

from service.content import Content, load

RULES, TEXTS = "rules", "templates_sms"


def load_over(directory: Path, project: Path) -> Content:
    """Load the rules of a directory; what it does not have is taken from the project's content.

    `directory` holds `rules/`, or is itself what `rules/` would be, or holds nothing but YAML files
    of rules. Raises ContentError with every problem of the whole.
    """
    if directory.resolve() == project.resolve():
        return load(project)
    with tempfile.TemporaryDirectory(prefix="vigie-rules-") as made:
        laid = Path(made)
        _link(project / TEXTS, laid / TEXTS)
        if (directory / TEXTS).is_dir():
            (laid / TEXTS).unlink()
            _link(directory / TEXTS, laid / TEXTS)
        (laid / RULES).mkdir()
        own = directory / RULES if (directory / RULES).is_dir() else directory
        parts = {part.name: part for part in (project / RULES).iterdir()}
        if (own / "alerts").is_dir():
            parts |= {part.name: part for part in own.iterdir()}
        else:
            parts["alerts"] = own
        for name, part in parts.items():
            _link(part, laid / RULES / name)
        return load(laid)


def _link(real: Path, name: Path) -> None:
    name.symlink_to(real.resolve(), target_is_directory=real.is_dir())
