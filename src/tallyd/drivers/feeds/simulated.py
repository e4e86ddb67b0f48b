"""The feed `simulated`: puts nothing on air, on time or not, as its options say."""

from typing import ClassVar

from tallyd.drivers.simulation import SimulatedDevice, SimulationOptions


class SimulatedFeedOptions(SimulationOptions):
    """A feed that touches nothing; its latency and its faults can be set."""


class SimulatedFeed(SimulatedDevice):
    """A channel's feed without a channel."""

    Options: ClassVar[type[SimulatedFeedOptions]] = SimulatedFeedOptions
