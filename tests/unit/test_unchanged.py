"""What a reload takes over from the last one, and what it reads anew."""

from pathlib import Path

import pytest

from service.content.load import load
from service.content.unchanged import unless_changed
from tests.support.content_dir import copy_of_content


def test_the_last_result_is_given_again_while_nothing_changes() -> None:
    asked: list[tuple[str, int]] = []

    @unless_changed
    def joined(word: str, times: int) -> str:
        asked.append((word, times))
        return word * times

    assert [joined("a", 2), joined("a", 2), joined("b", 2), joined("a", 2)] == [
        "aa", "aa", "bb", "aa",
    ]  # fmt: skip
    assert asked == [("a", 2), ("b", 2), ("a", 2)]


def test_a_fault_is_not_taken_over() -> None:
    answers = iter([ValueError("not yet"), None])

    @unless_changed
    def read() -> str:
        if fault := next(answers):
            raise fault
        return "read"

    with pytest.raises(ValueError, match="not yet"):
        read()
    assert read() == "read"


def test_a_reload_takes_the_same_places_over_and_reads_changed_ones(tmp_path: Path) -> None:
    content = copy_of_content(tmp_path)
    first, again = load(content), load(content)
    assert again.gazetteer is first.gazetteer
    with (content / "rules/places/places.csv").open("a") as table:
        table.write("31251,Sokolo Bis,village,ML0406,13.72099,-5.67746\n")
    assert "Sokolo Bis" in load(content).gazetteer.names()
