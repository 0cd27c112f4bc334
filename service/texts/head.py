"""What stands above a text, between two lines of `---`: who answers for it, what it may cost."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.domain.messages import to_gsm7

DEFAULT_LANGUAGE = "fr"
"""What everybody is written to in where their own languages have no text."""
LETTERS_IN_GSM7 = frozenset({"fr", "en"})
"""Languages whose texts go out in GSM-7. Every other keeps its letters, whatever they cost."""
MOST_SEGMENTS = 10
WORDS = "words"
"""The name of the file with a language's words, which most of its texts use."""

Initials = Annotated[
    str, Field(pattern=r"^[A-Z]{2,4}$", description="Initials are two to four capitals, as AD")
]


class Head(BaseModel):
    """The front matter of a text, or of a language's words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["draft", "reviewed"] = Field(
        description="draft: nobody gets it on a real phone; reviewed: a native speaker has read it"
    )
    reviewed_by: Initials | None = None
    max_segments: int = Field(
        default=1, ge=1, le=MOST_SEGMENTS, description="How many SMS it may take at most"
    )
    transliterate: bool = Field(
        default=False, description="true: letters outside GSM-7 go out as the nearest inside it"
    )

    @model_validator(mode="after")
    def _somebody_answers_for_it(self) -> Self:
        if self.status == "reviewed" and self.reviewed_by is None:
            raise ValueError("a reviewed text says who reviewed it: add `reviewed_by:`, initials")
        if self.status == "draft" and self.reviewed_by is not None:
            raise ValueError(
                "nobody has reviewed a draft: write `status: reviewed`, or take out `reviewed_by:`"
            )
        return self


class Text(NamedTuple):
    """A text or a language's words, as they stand in a file.

    `body` has an empty line in place of each line of the head, so that what stands in it stands in
    the same line of the file.
    """

    body: str
    head: Head

    @property
    def sent(self) -> str:
        """The body with the letters in which it goes out."""
        return to_gsm7(self.body) if self.head.transliterate else self.body


def in_use(texts: Mapping[str, Text], drafts: bool) -> dict[str, Text]:
    """Those of a language's texts that may go out: none while its words are a draft."""
    if drafts:
        return dict(texts)
    reviewed = {name: text for name, text in texts.items() if text.head.status == "reviewed"}
    return reviewed if WORDS in reviewed else {}
