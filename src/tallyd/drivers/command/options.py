"""What may be asked of the command recorder and feed, and the checks on it; nothing is run here."""

import re
import signal
from typing import Annotated, ClassVar, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tallyd.config import secrets_among
from tallyd.drivers.command.placeholders import OF_SESSION, OF_TARGET, check_text, placeholders_in

LISTS = ("run", "start", "stop", "status", "probe")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONLY_WITH_RUN = ("alive_after_s", "stop_signal", "stop_grace_s", "ok_exit_codes")
_ONLY_WITH_START = ("stop_timeout_s",)
_ONLY_WITH_STATUS = ("status_match", "status_every_s")


def _a_list(value: object) -> object:
    """Refuse a command line, and a secret where every user of the machine could read it."""
    if isinstance(value, str | SecretStr):
        raise ValueError(  # noqa: TRY004 - what pydantic collects
            'must be a list of arguments, as ["program", "-x", "{token}"]: there is no shell'
        )
    if _has_secret(value):
        raise ValueError("put the credential into `environment`: arguments are open to everybody")
    return value


def _has_secret(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return any(isinstance(item, SecretStr) for item in items)


def _with_a_program(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if not arguments:
        raise ValueError('is empty; the first of the list is the program, ["program", "-x"]')
    program = arguments[0]
    if program.startswith("{") or not program:
        raise ValueError("begins with the program, which no placeholder can stand for")
    if "/" in program and not program.startswith("/"):
        raise ValueError(f"write the absolute path of {program}, or its bare name to look it up")
    return arguments


def _a_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


Arguments = Annotated[
    tuple[str, ...],
    Field(strict=False),
    BeforeValidator(_a_list),
    AfterValidator(_with_a_program),
]
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\x00]*$")]


class CommandOptions(BaseModel):
    """What recorder and feed have in common; `placeholders` are those of their argument lists."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    placeholders: ClassVar[frozenset[str]] = OF_SESSION

    run: Arguments | None = Field(
        default=None,
        description="One program that runs for as long as the session does, in the foreground: "
        'a list of arguments, `["program", "-t", "{limit_s}"]`. No shell reads it.',
    )
    start: Arguments | None = Field(
        default=None,
        description="Instead of `run`: the command that has the device start, and ends at once.",
    )
    stop: Arguments | None = Field(
        default=None, description="The command that has the device stop; goes with `start`."
    )
    status: Arguments | None = Field(
        default=None,
        description="The command that asks the device: exit status 0 is yes, it is running; 1 is "
        "no; any other is no answer.",
    )
    probe: Arguments | None = Field(
        default=None,
        description="The command that sees whether the device could start, with exit status 0. "
        "Default: whether the programs are there.",
    )
    confirm: Literal["alive", "file", "status"] | None = Field(
        default=None,
        description="What shows that data flows: that the program is `alive`, that a `file` "
        "grows, or what `status` answers. Default: status if it is given, else the file that is "
        "watched or written, else alive.",
    )
    watch: AbsolutePath | None = Field(
        default=None, description="The file that grows, where it is another than {file}."
    )
    status_match: Annotated[str, AfterValidator(_a_pattern)] | None = Field(
        default=None,
        description="A regular expression that the answer of `status` must contain, for a yes.",
    )
    status_every_s: float = Field(
        default=2.0, ge=0.1, le=300, description="How often `status` is asked."
    )
    alive_after_s: float = Field(
        default=1.0, ge=0.05, le=60, description="How long `run` must have lasted to be believed."
    )
    stop_signal: Literal["INT", "TERM", "QUIT", "HUP", "USR1", "USR2"] = Field(
        default="TERM",
        description="The signal that asks `run`, and all that it started, to end.",
    )
    stop_grace_s: float = Field(
        default=5.0,
        ge=0.1,
        le=300,
        description="How long `run` may take to end, until it gets TERM and in the end KILL.",
    )
    stop_timeout_s: float = Field(
        default=10.0, ge=0.1, le=3_600, description="How long `stop` and its effect may take."
    )
    ok_exit_codes: tuple[Annotated[int, Field(ge=0, le=255)], ...] | None = Field(
        default=None,
        strict=False,
        description="What `run` may exit with once it was asked to end; 128 + n is an end by "
        "signal n. Default: 0, 255, and the end by `stop_signal`.",
    )
    timeout_s: float = Field(
        default=5.0, ge=0.1, le=120, description="How long `start`, `status` and `probe` may take."
    )
    start_timeout_s: float = Field(
        default=10.0, ge=0.1, le=600, description="How long a start may take until data flows."
    )
    stall_timeout_s: float = Field(
        default=10.0, ge=1, le=600, description="How long a session may show no progress."
    )
    lead_ms: int = Field(
        default=0,
        ge=0,
        le=60_000,
        description="How long it takes until data flows. A first guess that experience replaces; "
        "with `confirm` = alive nothing else can tell.",
    )
    spread_ms: int = Field(
        default=0,
        ge=0,
        le=60_000,
        description="How much longer it takes for each further start at the same instant.",
    )
    overlap: bool = Field(
        default=False, description="Whether a session may open before the last one has closed."
    )
    inputs: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="How many sessions it runs at once. Default: the target's capacity.",
    )
    directory: AbsolutePath = Field(default="/", description="Where the programs run.")
    environment: dict[str, str | SecretStr] = Field(
        default_factory=dict,
        repr=False,
        description="Variables for the programs, as they are; `credential:NAME` for a secret.",
    )

    @property
    def proof(self) -> Literal["alive", "file", "status"]:
        """What shows that data flows."""
        if self.confirm is not None:
            return self.confirm
        if self.status is not None:
            return "status"
        return "file" if self.watch is not None or self.file_grows else "alive"

    @property
    def file_grows(self) -> bool:
        """Whether a file of ours is written for as long as the session lasts."""
        return False

    @property
    def ending(self) -> str | None:
        """What the name of the file that is kept ends in; None where none is."""
        return None

    @property
    def stop_number(self) -> signal.Signals:
        """The signal that asks `run` to end."""
        return signal.Signals[f"SIG{self.stop_signal}"]

    @property
    def gentle_ends(self) -> frozenset[int]:
        """What `run` may exit with once it was asked to end; 128 + n is an end by signal n."""
        if self.ok_exit_codes is not None:
            return frozenset(self.ok_exit_codes)
        return frozenset({0, 255, 128 + self.stop_number})

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that are run, each once, in order."""
        return tuple(dict.fromkeys(arguments[0] for arguments in self.lists().values()))

    @property
    def variables(self) -> dict[str, str]:
        """What is added to the programs' environment, secrets included."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self.environment.items()
        }

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the programs may know and nobody may read in what they say, the longest first."""
        lines = {
            line
            for value in self.environment.values()
            if isinstance(value, SecretStr)
            for line in value.get_secret_value().splitlines()
            if line.strip()
        }
        lines |= set(secrets_among({"environment": self.environment, **self.lists()}))
        return tuple(sorted(lines, key=len, reverse=True))

    def lists(self) -> dict[str, tuple[str, ...]]:
        """Give the argument lists that are set, by the name of their option."""
        found = {name: getattr(self, name) for name in LISTS}
        return {name: arguments for name, arguments in found.items() if arguments is not None}

    def uses(self, placeholder: str, *options: str) -> bool:
        """Tell whether one of the argument lists `options` holds that placeholder."""
        lists = self.lists()
        return any(placeholder in placeholders_in(lists.get(option, ())) for option in options)

    @field_validator(*LISTS, "watch", mode="after")
    @classmethod
    def _check_placeholders(
        cls, value: tuple[str, ...] | str | None, info: ValidationInfo
    ) -> tuple[str, ...] | str | None:
        known = OF_TARGET if info.field_name == "probe" else cls.placeholders
        for text in (value,) if isinstance(value, str) else value or ():
            check_text(text, known)
        return value

    @field_validator("environment")
    @classmethod
    def _check_environment(cls, value: dict[str, str | SecretStr]) -> dict[str, str | SecretStr]:
        for name, content in value.items():
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a variable")
            text = content.get_secret_value() if isinstance(content, SecretStr) else content
            if "\0" in text:
                raise ValueError(f"{name} holds a NUL character")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.run is None) == (self.start is None):
            raise ValueError("give either `run`, or `start` and `stop`")
        if (self.start is None) != (self.stop is None):
            raise ValueError("`start` and `stop` go together")
        self._check_relations()
        proof = self.proof
        if proof == "status" and self.status is None:
            raise ValueError("`confirm` = status needs `status`")
        if proof == "file" and self.watch is None and not self.file_grows:
            raise ValueError("`confirm` = file needs a file: `watch`, or {file} in an argument")
        if proof == "alive" and self.run is None:
            raise ValueError(
                "`start` ends at once and shows nothing: give `status`, or a file to `watch`"
            )
        if proof == "status" and self.status_every_s + self.timeout_s >= self.stall_timeout_s:
            raise ValueError("`stall_timeout_s` must exceed `status_every_s` + `timeout_s`")
        if proof == "alive" and max(self.alive_after_s, self.lead_ms / 1_000) >= (
            self.start_timeout_s
        ):
            raise ValueError("`start_timeout_s` must exceed `alive_after_s` and `lead_ms`")
        return self

    def _check_relations(self) -> None:
        """Refuse what would have no effect: it was meant to have one."""
        for needed, given, options in (
            ("run", self.run, _ONLY_WITH_RUN),
            ("start", self.start, _ONLY_WITH_START),
            ("status", self.status, _ONLY_WITH_STATUS),
        ):
            for option in options:
                if given is None and option in self.model_fields_set:
                    raise ValueError(f"`{option}` goes with `{needed}`")
