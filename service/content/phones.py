"""What `rules/phones.yaml` says: how long focal points wait for an answer."""

from pydantic import BaseModel, ConfigDict, Field

from service.domain.waits import Wait

_REPLIES = Wait(at_least=20, at_most=90)
_ON_THE_SIMULATOR = Wait(at_least=1, at_most=4)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Replies(_Part):
    """How long an answer waits, by the gateway that the text came by."""

    wait: Wait = Field(default=_REPLIES, description="On real phones")
    simulator: Wait = Field(default=_ON_THE_SIMULATOR, description="On the phones of the page")

    def to(self, gateway: str) -> Wait:
        return self.simulator if gateway == "simulator" else self.wait


class Phones(_Part):
    """The coordinators' settings for focal points' phones."""

    replies: Replies = Field(default=Replies(), description="How long an answer waits")
