"""What `vigie doctor` says of one thing."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `do` says how to mend it."""

    name: str
    state: State
    what: str
    do: str = ""
