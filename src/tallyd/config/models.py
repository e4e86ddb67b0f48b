"""The shape of the configuration: every key, its type, its default. Nothing here reads anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import TypeAliasType

from tallyd.config.addresses import parse_address
from tallyd.config.values import (
    CALENDAR_UNITS,
    check_zone,
    format_duration,
    parse_duration,
    parse_size,
)
from tallyd.domain.accounts import MAX_USER_NAME
from tallyd.domain.model import (
    CHANNEL_MIN_PIECE,
    MAX_DURATION,
    MAX_NAME,
    ROOM_MIN_PIECE,
    TargetKind,
)
from tallyd.domain.naming import DEFAULT_TEMPLATE, InvalidTemplate, parse_template

MAX_PUBLIC_ID = 2**31 - 1
"""The largest id that every client can hold."""

MAX_CAPACITY = 64
"""More inputs than any one recorder has."""

MAX_AHEAD = timedelta(days=3660)
"""Ten years: further than anyone books or keeps."""

ENV_PREFIX = "TALLYD_"
ENV_DELIMITER = "__"


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value} what? try '{value}m'")  # noqa: TRY004 - pydantic collects these
    return parse_duration(value, CALENDAR_UNITS)


def _size(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value} what? try '{value}GB'")  # noqa: TRY004 - pydantic collects these
    return parse_size(value)


def _from(shortest: timedelta, longest: timedelta) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if not shortest <= value <= longest:
            low, high = (format_duration(each, CALENDAR_UNITS) for each in (shortest, longest))
            raise ValueError(f"must be from {low} to {high}")
        return value

    return AfterValidator(check)


def _printable(value: str) -> str:
    if not value.strip():
        raise ValueError("empty: write a name, or leave the key out")
    if not value.isprintable():
        raise ValueError("no control characters in a name")
    return value


def _printable_path(value: Path) -> Path:
    if not str(value).isprintable():
        raise ValueError("no control characters in a path")
    return value


def _template(value: str) -> str:
    try:
        parse_template(value)
    except InvalidTemplate as error:
        raise ValueError(error.problem.fix) from None
    return value


def _listen(value: str) -> str:
    try:
        parse_address(value)
    except ValueError as error:
        raise ValueError(str(error)) from None
    return value


def _host(value: str) -> str:
    if not value or not value.isprintable() or any(each in value for each in "/@ "):
        raise ValueError("write a name as clients do, such as tallyd.example:8080")
    return value.lower()


def _public_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in {"http", "https"} or not rest or not value.isprintable() or "?" in value:
        raise ValueError("write an address such as https://tallyd.example")
    return value.rstrip("/")


def _below_state_dir(name: str) -> Callable[[dict[str, Any]], Path]:
    def default(valid: dict[str, Any]) -> Path:
        # Without a state_dir the whole is refused anyway: every other mistake is still looked for.
        return Path(valid.get("state_dir", "")) / name

    return default


# A named alias, so that an override from the environment goes through the same reader as the file:
# pydantic-settings would accept a bare number for a plain `timedelta`.
Duration = TypeAliasType("Duration", Annotated[timedelta, BeforeValidator(_duration)])
Piece = Annotated[Duration, _from(timedelta(0), MAX_DURATION)]
Days = Annotated[Duration, _from(timedelta(days=1), MAX_AHEAD)]
Keep = Annotated[Duration, _from(timedelta(hours=1), MAX_AHEAD)]
Length = Annotated[Duration, _from(timedelta(seconds=1), MAX_DURATION)]
Skew = Annotated[Duration, _from(timedelta(seconds=1), timedelta(days=1))]
Size = TypeAliasType("Size", Annotated[int, BeforeValidator(_size)])
Zone = Annotated[str, AfterValidator(check_zone)]
Directory = Annotated[Path, Strict(strict=False), AfterValidator(_printable_path)]
DisplayName = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_printable)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=MAX_NAME)]
FileName = Annotated[str, AfterValidator(_template)]
Listen = Annotated[str, AfterValidator(_listen)]
AccountName = Annotated[str, Field(max_length=MAX_USER_NAME), AfterValidator(_printable)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
SlicerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=MAX_NAME)]
HostName = Annotated[str, AfterValidator(_host)]
PublicId = Annotated[int, Field(ge=1, le=MAX_PUBLIC_ID)]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ApplianceSettings(_Section):
    """What holds for the whole appliance: `[appliance]`."""

    name: DisplayName = "tallyd"
    timezone: Zone = "UTC"
    state_dir: Directory = Path("/var/lib/tallyd")
    recordings_dir: Directory = Field(default_factory=_below_state_dir("recordings"))
    run_dir: Directory = Field(default_factory=_below_state_dir("run"))
    file_name: FileName = DEFAULT_TEMPLATE
    on_stop: Literal["leave", "finish"] = "leave"
    recordings_mount: Literal["auto", "required", "ignored"] = "auto"
    min_piece: Piece = ROOM_MIN_PIECE
    ledger_keep: Days = timedelta(days=730)
    horizon: Days = timedelta(days=90)
    manual_max: Length = timedelta(hours=4)


class ClockSettings(_Section):
    """What the wall clock must show before anything starts by it: `[clock]`."""

    trust: Literal["plausible", "synchronised"] = "plausible"


class LogSettings(_Section):
    """How the daemon writes its log: `[logs]`."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class RetentionSettings(_Section):
    """Which recordings are removed, if any: `[retention]`."""

    keep: Keep | None = None
    min_free: Size | None = None


class HttpSettings(_Section):
    """Where programs reach tallyd by HTTP, and how much of it: `[http]`.

    Without `listen` the server listens on `api.sock` in the run directory.
    """

    enabled: bool = False
    listen: list[Listen] = Field(default_factory=list)
    dialects: list[Literal["native", "valt", "ibm", "uplynk"]] = [
        "native",
        "valt",
        "ibm",
        "uplynk",
    ]
    hosts: list[HostName] = Field(default_factory=list)
    connections: Annotated[int, Field(ge=1, le=4096)] = 256
    requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = 200
    body_max_kib: Annotated[int, Field(ge=1, le=65_536)] = 256
    public_url: PublicUrl | None = None
    ibm_requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 12_000
    ibm_timezones: Literal["listed", "any"] = "listed"
    uplynk_skew: Skew = timedelta(minutes=5)


class _TargetSection(_Section):
    driver: Name
    id: PublicId | None = None
    name: DisplayName | None = None
    timezone: Zone | None = None
    # Not in the repr: it is the driver's own table and may hold what must not be shown.
    options: dict[str, Any] = Field(default_factory=dict, repr=False)


class RoomSettings(_TargetSection):
    """A recorder that tallyd runs: `[rooms.NAME]`.

    Without `min_piece` the appliance's holds, without `keep` that of `[retention]`.
    """

    capacity: Annotated[int, Field(ge=1, le=MAX_CAPACITY)] = 1
    keep: Keep | None = None
    min_piece: Piece | None = None


class ChannelSettings(_TargetSection):
    """A feed that tallyd drives: `[channels.NAME]`. There is one feed to a channel.

    `live` is the slicer that entries without content show; `ad_slate` fills ad breaks.
    """

    capacity: Annotated[int, Field(ge=1, le=1)] = 1
    min_piece: Piece = CHANNEL_MIN_PIECE
    owner: AccountName | None = None
    live: SlicerId | None = None
    ad_slate: Directory | None = None
    scheduling: bool = True


class SlicerSettings(_Section):
    """A live input that channels can show: `[slicers.NAME]`."""

    # As written, a reference to a credential included. Not in the repr: it may hold a password.
    source: Annotated[str, Field(min_length=1, repr=False), AfterValidator(_printable)]
    name: DisplayName | None = None


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """A room or channel with every default filled in; `key` is `rooms.NAME` or `channels.NAME`.

    `public_id` is None where the configuration leaves the choice to the database. `options` is the
    driver's own table as written, references to credentials included. `ad_slate` is what fills the
    ad breaks of a channel.
    """

    key: str
    name: str
    driver: str
    public_id: int | None
    zone: str
    capacity: int
    min_piece: timedelta
    options: Mapping[str, Any] = field(repr=False)
    ad_slate: Path | None = None


class Settings(BaseSettings):
    """The whole configuration. Building one reads neither a file nor the environment."""

    model_config = SettingsConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
    )

    appliance: ApplianceSettings = ApplianceSettings()
    clock: ClockSettings = ClockSettings()
    http: HttpSettings = HttpSettings()
    logs: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    rooms: dict[Name, RoomSettings] = Field(default_factory=dict)
    channels: dict[Name, ChannelSettings] = Field(default_factory=dict)
    slicers: dict[SlicerId, SlicerSettings] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else; `load` is what reads files and the environment."""
        return (init_settings,)

    def targets(self) -> tuple[TargetSettings, ...]:
        """Give every room and channel with its defaults filled in, in order of key."""
        sections: dict[str, RoomSettings | ChannelSettings] = {
            **{f"{TargetKind.CHANNEL}.{name}": each for name, each in self.channels.items()},
            **{f"{TargetKind.ROOM}.{name}": each for name, each in self.rooms.items()},
        }
        return tuple(self._target(key, sections[key]) for key in sorted(sections))

    def _target(self, key: str, section: RoomSettings | ChannelSettings) -> TargetSettings:
        return TargetSettings(
            key=key,
            name=section.name or key.partition(".")[2],
            driver=section.driver,
            public_id=section.id,
            zone=section.timezone or self.appliance.timezone,
            capacity=section.capacity,
            min_piece=(
                self.appliance.min_piece if section.min_piece is None else section.min_piece
            ),
            options=section.options,
            ad_slate=section.ad_slate if isinstance(section, ChannelSettings) else None,
        )
