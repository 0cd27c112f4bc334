"""What `rules/phones.yaml` says: how long answers wait, what PINs are asked for, the USSD menu."""

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


class Pins(_Part):
    """What a PIN at the end of a report decides."""

    required: bool = Field(
        default=False,
        description="true: a report from a person who was given no PIN is not verified either",
    )
    most_wrong: int = Field(
        default=5,
        ge=3,
        le=20,
        description="How many wrong PINs stand against a person before a coordinator is told",
    )


class Ussd(_Part):
    """What the USSD menu shows: the same to everyone who dials."""

    first: tuple[str, ...] = Field(
        default=(), description="The types that are listed before the others, by id"
    )
    open_alerts: bool = Field(
        default=True,
        description="A responder is shown the numbers of the alerts that wait for an answer",
    )


class Phones(_Part):
    """The coordinators' settings for focal points' phones."""

    replies: Replies = Field(default=Replies(), description="How long an answer waits")
    pins: Pins = Field(default=Pins(), description="What a PIN decides")
    ask_back: bool = Field(
        default=False,
        description="true: a focal point is asked which of two places is meant, by name",
    )
    ussd: Ussd = Field(default=Ussd(), description="What the USSD menu shows")
