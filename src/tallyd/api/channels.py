"""Whose a channel is, by the configuration: one rule for every interface. No booking is known."""

from tallyd.config import Settings
from tallyd.domain.accounts import Caller, Role
from tallyd.domain.model import TargetKind


class ChannelOwners:
    """Knows the `owner` of each channel; one without belongs to the house, as every room does."""

    def __init__(self, settings: Settings) -> None:
        self._owners = {
            f"{TargetKind.CHANNEL}.{name}": channel.owner.casefold()
            for name, channel in settings.channels.items()
            if channel.owner is not None
        }

    def is_open_to(self, caller: Caller, target: str) -> bool:
        """Tell whether somebody may book there at all: it belongs to nobody else."""
        return target not in self._owners or self.sees_all(caller, target)

    def sees_all(self, caller: Caller, target: str) -> bool:
        """Tell whether all that is booked there is somebody's business: its owner's, an admin's."""
        owns = self._owners.get(target) == caller.name.casefold()
        return owns or caller.role is Role.ADMIN
