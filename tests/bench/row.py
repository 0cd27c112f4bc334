"""One line of what was measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`figure` is what was measured, `beside` the same run's baseline or what it is measured with.

    `met` says whether the `target` was; None where there is none.
    """

    what: str
    figure: str
    beside: str = ""
    target: str = ""
    met: bool | None = None
