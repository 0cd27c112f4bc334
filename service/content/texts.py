"""Reads `templates_sms/`: one file a language and text, each with a head of strict YAML.

---
# A note, for whoever changes the text.
status: reviewed
reviewed_by: AD
max_segments: 2
---
The text.
"""

from collections.abc import Iterator

from service.content.files import Files
from service.content.problem import Problem
from service.content.typed import Reader
from service.content.yaml import Document, compose_strict
from service.texts import VALUES
from service.texts.files import FOLDER, LOADED_WORDS, TELLING_WORDS, Sources, Templates, file_of
from service.texts.head import DEFAULT_LANGUAGE, MOST_SEGMENTS, WORDS, Head, Text, in_use

_LIMIT = 16_000
_FENCE = "---"
_NO_HEAD = (
    "the text does not begin with its status, between two lines of ---",
    "begin with the lines `---`, `status: draft`, `max_segments: 1`, `---`",
)
_READER = Reader(Head)
# In place of a head that is told to be wrong: it lets the rest of the text be checked.
_ANY = Head(status="reviewed", reviewed_by="XX", max_segments=MOST_SEGMENTS)


def read(files: Files) -> Sources:
    """Read `<language>/<name>.txt` and the two lists; what is wrong goes to `files.problems`.

    A file that is missing is not a problem here: `texts.lint` knows which there must be.
    """
    folder = files.directory / FOLDER
    templates = {
        language.name: {
            path.stem: text
            for path in sorted(language.glob("*.txt"))
            if (text := _text(files, language.name, path.stem)) is not None
        }
        for language in sorted(folder.glob("[a-z]*"))
        if language.is_dir()
    }
    return Sources(templates, *(_list(files, file) for file in (LOADED_WORDS, TELLING_WORDS)))


def _list(files: Files, file: str) -> str:
    return (files.text(file, _LIMIT) or "").replace("\r\n", "\n") if files.has(file) else ""


def _text(files: Files, language: str, name: str) -> Text | None:
    file = file_of(language, name)
    source = files.text(file, _LIMIT)
    if source is None:
        return None
    lines = source.replace("\r\n", "\n").split("\n")
    fences = [number for number, line in enumerate(lines) if line.rstrip() == _FENCE]
    if fences[:1] != [0] or len(fences) < 2:
        files.problems.append(Problem(file, 1, 1, "", *_NO_HEAD))
        return Text("\n".join(lines), _ANY)
    end = fences[1]
    # What the head is made of keeps its line, and so does the text below it.
    document = compose_strict(file, "\n".join(("", *lines[1:end])))
    head = _head(document, language)
    files.problems += document.problems
    return Text("\n" * (end + 1) + "\n".join(lines[end + 1 :]), head or _ANY)


def _head(document: Document, language: str) -> Head | None:
    """The head, where it can be one of this language; else the document has the problems."""
    if document.data is None:
        document.problems = document.problems or [Problem(document.file, 1, 1, "", *_NO_HEAD)]
        return None
    head = _READER.read(document)
    if head is not None and language == DEFAULT_LANGUAGE and head.status == "draft":
        why = f"the texts in {language!r} cannot be drafts: everybody else falls back to them"
        suggestion = "have it reviewed by a native speaker"
        document.problems.append(document.problem(("status",), why, suggestion))
    if head is not None and language != DEFAULT_LANGUAGE and head.transliterate:
        why = f"only texts in {DEFAULT_LANGUAGE!r} are transliterated: here it would change words"
        document.problems.append(document.problem(("transliterate",), why, "take the line out"))
    return head


def drafts_of(templates: Templates) -> dict[str, tuple[str, ...]]:
    """The texts that are drafts or missing, by language: no real phone gets them in it."""
    every = {*VALUES, WORDS}
    left = {code: every - in_use(texts, drafts=False).keys() for code, texts in templates.items()}
    return {code: tuple(sorted(names)) for code, names in left.items() if names}


def unused(templates: Templates) -> Iterator[Problem]:
    """One warning a language of which real phones do not get every text."""
    for language, names in drafts_of(templates).items():
        why = (
            f"{len(names)} texts in {language!r} are drafts or missing: real phones get the "
            f"person's second language ({', '.join(names)})"
        )
        suggestion = f"have them reviewed by a native speaker, {WORDS}.txt first"
        yield Problem(file_of(language, WORDS), 1, 1, "", why, suggestion)
