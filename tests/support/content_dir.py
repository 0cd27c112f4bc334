"""A small copy of the shipped content, for tests to break."""

import re
import shutil
from pathlib import Path

from service.content import ContentError, Problem, load

PROJECT = Path(__file__).resolve().parents[2]


def copy_of_content(directory: Path) -> Path:
    """Copy `rules/` and `templates_sms/` without the villages, which take most of the time."""
    places = directory / "rules" / "places"
    places.mkdir(parents=True)
    shutil.copy(PROJECT / "rules/places/areas.csv", places)
    for table in ("places", "aliases"):
        with (PROJECT / f"rules/places/{table}.csv").open(encoding="utf-8") as rows:
            (places / f"{table}.csv").write_text(next(rows), encoding="utf-8")
    for file in (PROJECT / "rules").glob("*.yaml"):
        shutil.copy(file, directory / "rules")
    shutil.copytree(PROJECT / "rules/alerts", directory / "rules/alerts")
    shutil.copytree(PROJECT / "templates_sms", directory / "templates_sms")
    return directory


def content_of_three_rules(directory: Path) -> Path:
    """Copy the content with three rules alone, so that tests of mistakes hold whatever is shipped.

    They are `market-cluster`, `herder-farmer` and `grave-report`, the last with its waiver. The
    texts are in French and English, of which there are no drafts.
    """
    content = copy_of_content(directory)
    for language in (content / "templates_sms").iterdir():
        if language.is_dir() and language.name not in ("fr", "en"):
            shutil.rmtree(language)
    for file in (content / "rules/alerts").iterdir():
        if file.stem not in ("market-cluster", "herder-farmer", "grave-report"):
            file.unlink()
    waivers = content / "rules/waivers.yaml"
    head, *entries = re.split(r"(?m)^(?=- rule: )", waivers.read_text(encoding="utf-8"))
    kept = [entry for entry in entries if entry.startswith("- rule: grave-report\n")]
    waivers.write_text("".join((head, *kept)), encoding="utf-8")
    return content


def hurry(content: Path) -> None:
    """Let answers hardly wait, for a clock that nobody can move."""
    phones = content / "rules/phones.yaml"
    asked = phones.read_text(encoding="utf-8")
    soon, changed = re.subn(r"(?m)^  wait: .*$", "  wait: {at_least: 1, at_most: 2}", asked)
    assert changed == 1
    phones.write_text(soon, encoding="utf-8")


def problems_of(directory: Path) -> list[Problem]:
    """What is wrong with a content directory."""
    try:
        load(directory)
    except ContentError as error:
        return list(error.problems)
    return []
