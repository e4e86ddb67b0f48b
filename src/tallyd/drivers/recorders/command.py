"""The recorder `command`: records with the operator's own programs; the file is all it adds."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tallyd.drivers.command.device import CommandDevice
from tallyd.drivers.command.options import LISTS, CommandOptions
from tallyd.drivers.command.placeholders import OF_RECORDING
from tallyd.drivers.files import PART


class CommandRecorderOptions(CommandOptions):
    """Records with your own commands: one that runs as long, or one each to start and stop."""

    placeholders: ClassVar[frozenset[str]] = OF_RECORDING

    outputs: Literal["file", "none"] | None = Field(
        default=None,
        description="Whether the commands write {file}, which is then kept. Default: a file, where "
        "an argument holds {file}.",
    )
    file_ending: str | None = Field(
        default=None,
        pattern=r"^(\.[A-Za-z0-9]+){1,3}$",
        description="What the name of the file ends in, as `.mkv`; {file} ends in `.part` on top.",
    )

    @property
    def ending(self) -> str | None:
        """What the name of the file that is kept ends in; None where none is."""
        return self.file_ending

    @property
    def file_grows(self) -> bool:
        """Whether {file} is written for as long as a recording lasts."""
        return self.uses("file", "run", "start")

    @model_validator(mode="after")
    def _check_file(self) -> Self:
        used = self.uses("file", *LISTS)
        if self.outputs == "file" and not used:
            raise ValueError("`outputs` = file needs {file} in an argument")
        if self.outputs == "none" and used:
            raise ValueError("{file} in an argument needs `outputs` = file")
        if used and self.file_ending is None:
            raise ValueError("{file} in an argument needs `file_ending`, as `.mkv`")
        if self.file_ending is not None and not used:
            raise ValueError("`file_ending` needs {file} in an argument")
        if self.file_ending is not None and self.file_ending.endswith(PART):
            raise ValueError(f"`file_ending` cannot be {PART}: unfinished files end so")
        return self


class CommandRecorder(CommandDevice):
    """A room's recorder, made of commands."""

    Options: ClassVar[type[CommandRecorderOptions]] = CommandRecorderOptions
