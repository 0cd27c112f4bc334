"""How long an answer waits before it goes out: by chance alone, whatever it answers."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Wait(BaseModel):
    """Between two numbers of seconds after the text was received, each moment as likely."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: int = Field(ge=1, le=600, description="Seconds: longer than a text takes to be read")
    at_most: int = Field(ge=2, le=3600, description="Seconds: more than `at_least`")

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.at_most <= self.at_least:
            raise ValueError("`at_most` must be more than `at_least`: answers wait by chance")
        return self

    def seconds(self, share: float) -> float:
        """The wait for a share of chance in [0, 1); uniform where the share is.

        Nothing else may go into it: what an answer waits must tell nothing of what it answers.
        """
        return self.at_least + share * (self.at_most - self.at_least)
