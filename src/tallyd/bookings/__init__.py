"""The one way to change wishes: load, decide purely, store in one transaction, nudge the engine.

Whoever books - command line, server, tests - goes through here. Nothing here drives a device.
"""

from tallyd.bookings.operations import Operations
from tallyd.bookings.policy import Policy
from tallyd.bookings.recordings import ManualRecordings
from tallyd.bookings.schedules import Change, ScheduleBookings
from tallyd.bookings.writer import nothing_told

__all__ = ["Bookings", "Change", "Policy", "nothing_told"]


class Bookings(ScheduleBookings, ManualRecordings, Operations):
    """Every change that there is, on one store."""
