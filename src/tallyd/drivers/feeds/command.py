"""The feed `command`: puts content on air with the operator's own programs."""

from typing import ClassVar

from tallyd.drivers.command.device import CommandDevice
from tallyd.drivers.command.options import CommandOptions
from tallyd.drivers.command.placeholders import OF_PLAYING


class CommandFeedOptions(CommandOptions):
    """Feeds with your own commands: one that runs as long, or one each to start and stop."""

    placeholders: ClassVar[frozenset[str]] = OF_PLAYING


class CommandFeed(CommandDevice):
    """A channel's feed, made of commands."""

    Options: ClassVar[type[CommandFeedOptions]] = CommandFeedOptions
