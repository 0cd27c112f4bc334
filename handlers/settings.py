"""The `VIGIE_*` environment, read once by the composition root."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from handlers.network import Range, read_ranges
from service.vault.keystore import FILE_NAME

DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")

Role = Literal["all", "intake", "engine", "sender", "console"]

# Written with commas between; any that cannot be read is an error.
Ranges = Annotated[
    tuple[Range, ...],
    NoDecode,
    BeforeValidator(lambda value: read_ranges(value) if isinstance(value, str) else value),
]

GATEWAYS = ("simulator", "africastalking", "africastalking2")


def _listed(value: object) -> object:
    """`one, two` as a list of both."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _by_gateway(value: object) -> object:
    """`20`, for every gateway, or `africastalking=20, africastalking2=5`."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip() if sep else "": (figure if sep else name) for name, sep, figure in parts}


Gateways = Annotated[
    tuple[Literal["simulator", "africastalking", "africastalking2"], ...],
    NoDecode,
    BeforeValidator(_listed),
    Field(min_length=1),
]
# Figures by gateway; what is under "" is for all others.
Rates = Annotated[dict[str, Annotated[float, Field(gt=0)]], NoDecode, BeforeValidator(_by_gateway)]
Counts = Annotated[
    dict[str, Annotated[int, Field(ge=1, le=64)]], NoDecode, BeforeValidator(_by_gateway)
]

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where things are, which gateway is used, and how to log. Each field is `VIGIE_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="VIGIE_", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Field(Path(".vigie/data"), description="the database and the process lock")
    content_dir: Path = Field(PROJECT, description="holds rules/ and templates_sms/")
    database_url: SecretStr | None = Field(
        None,
        description="postgresql+asyncpg://… to scale out; SQLite in the data directory if unset",
    )
    key_file: Path | None = Field(
        None, description="the root key; <data directory>-keys/root.key if unset"
    )
    keystore: Path | None = Field(None, description="the key store; beside the key file if unset")
    passphrase_file: Path | None = Field(
        None, description="unlocks a key file that was made with a passphrase"
    )
    coordinator_code_file: Path | None = Field(
        None, description="holds the code of the coordinator who runs a command; asked for if unset"
    )
    backup_recipient: str | None = Field(
        None, description="the public key that backups are encrypted to; see `vigie backup keygen`"
    )
    gateway: Gateways = Field(
        ("simulator",),
        description="which gateway carries the texts; several with commas between, in the order in "
        "which they are tried",
    )
    gateway_rate: Rates = Field(
        {}, description="most texts a second: `20`, or by gateway `africastalking=20`"
    )
    gateway_parallel: Counts = Field(
        {"": 4}, description="calls at once: `4`, or by gateway `africastalking=4`"
    )
    gateway_next_after: int = Field(
        1, ge=1, description="failures of a text by one gateway before the next has its turn"
    )
    gateway_token: SecretStr | None = Field(
        None,
        description="the secret part of the callback URLs, at least 22 characters; two, separated "
        "by a comma, while rotating; made by `vigie init` if unset",
    )
    gateway_allow: Ranges = Field(
        (), description="addresses and ranges that may call the callback URLs; any if unset"
    )
    gateway_hmac_key: SecretStr | None = Field(
        None,
        description="the key with which the gateway signs each callback, at least 22 characters; "
        "unset where it signs none",
    )
    trusted_proxies: Ranges = Field(
        (), description="addresses of our own reverse proxies, whose X-Forwarded-For is believed"
    )
    at_username: str | None = Field(None, description="Africa's Talking: application user name")
    at_api_key: SecretStr | None = Field(None, description="Africa's Talking: API key")
    at_sender: str | None = Field(None, description="Africa's Talking: short code or sender id")
    at_base_url: str | None = Field(
        None, description="Africa's Talking: another server that speaks the same API"
    )
    at2_username: str | None = Field(None, description="the same for `africastalking2`")
    at2_api_key: SecretStr | None = Field(None, description="the same for `africastalking2`")
    at2_sender: str | None = Field(None, description="the same for `africastalking2`")
    at2_base_url: str | None = Field(None, description="the same for `africastalking2`")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="how much is logged, on standard error"
    )
    log_format: Literal["console", "json"] = Field("console", description="for people or machines")

    @field_validator("gateway")
    @classmethod
    def _gateways_are_different(cls, value: Gateways) -> Gateways:
        if len(set(value)) < len(value):
            raise ValueError("a gateway is named twice")
        return value

    @field_validator("gateway_rate", "gateway_parallel")
    @classmethod
    def _gateways_are_known(cls, value: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(value.keys() - {"", *GATEWAYS}):
            raise ValueError(f"no gateway is called {unknown[0]}: there are {', '.join(GATEWAYS)}")
        return value

    @field_validator("gateway_token")
    @classmethod
    def _tokens_are_long(cls, value: SecretStr | None) -> SecretStr | None:
        for token in value.get_secret_value().split(",") if value else ():
            if len(token) < 22 or not token.isascii() or "/" in token:
                raise ValueError(
                    "a gateway token needs at least 22 letters, digits, - or _ (128 bits); "
                    "`vigie keys token` makes one"
                )
        return value

    @field_validator("gateway_hmac_key")
    @classmethod
    def _hmac_key_is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value()) < 22:
            raise ValueError("a key of signatures needs at least 22 characters")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            driver = make_url(value.get_secret_value()).drivername if value else DRIVERS[0]
        except ArgumentError:
            driver = ""
        if driver not in DRIVERS:
            raise ValueError(
                "a database URL begins with postgresql+asyncpg:// or sqlite+aiosqlite://"
            )
        return value

    @property
    def root_key(self) -> Path:
        """The key file, outside the data directory: copying the one never takes the other."""
        data = self.data_dir.absolute()
        return self.key_file or data.with_name(data.name + "-keys") / "root.key"

    @property
    def is_live(self) -> bool:
        """Whether a text may reach a real phone, and so none may be a draft."""
        return self.gateway != ("simulator",)

    @property
    def keystore_file(self) -> Path:
        """The key store, which all roles share; a role's key file may lie elsewhere."""
        return self.keystore or self.root_key.with_name(FILE_NAME)

    @property
    def token_file(self) -> Path:
        """Where `vigie init` keeps the token that it made: with the keys."""
        return self.root_key.with_name("gateway-token")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{(self.data_dir / 'vigie.sqlite').absolute()}"
