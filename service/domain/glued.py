"""Words typed without the spaces between: `masokolo` is the code MA and Sokolo."""

from collections.abc import Iterator

from service.domain.codebook import Codebook
from service.domain.gazetteer import Gazetteer

_SHORTEST_NAME = 4  # letters, of a place
_SHORTEST_WORD = 3
_MOST = 3  # pieces, besides a code
_LONGEST = 40  # letters that are worth the trouble


def pieces(
    run: str, codebook: Codebook, gazetteer: Gazetteer, *, opens: bool, whole: bool
) -> tuple[str, ...] | None:
    """The words that a run of letters is made of; None where it is not surely such.

    `opens`: a report begins with it, and may so with its code; `whole`: it may be a misspelt name
    as it is. No more than one of the pieces is a place.
    """
    if not _SHORTEST_NAME < len(run) <= _LONGEST:
        return None
    found: list[tuple[str, ...]] = []
    if opens:
        for each in codebook.types:
            code = each.code.lower()
            if run.startswith(code):
                rest = run[len(code) :]
                found += ((code, *parts) for parts in _apart(rest, codebook, gazetteer, _MOST))
    if not found and not whole:
        found = [each for each in _apart(run, codebook, gazetteer, _MOST) if len(each) > 1]
    fewest = min(map(len, found), default=0)
    likeliest = [each for each in found if len(each) == fewest]
    return likeliest[0] if len(likeliest) == 1 else None


def _apart(
    run: str, codebook: Codebook, gazetteer: Gazetteer, most: int, *, named: bool = False
) -> Iterator[tuple[str, ...]]:
    """Every way to make a run of `most` words or fewer; `named`: one of them is a place already."""
    for end in range(len(run), _SHORTEST_WORD - 1, -1):
        head, tail = run[:end], run[end:]
        if tail and most == 1:
            return
        is_name = not named and end >= _SHORTEST_NAME and gazetteer.at((head,), 0) is not None
        if not is_name and head not in codebook.word_lexicon:
            continue
        if not tail:
            yield (head,)
        else:
            further = _apart(tail, codebook, gazetteer, most - 1, named=named or is_name)
            yield from ((head, *each) for each in further)
