"""The recorder `simulated`: records nothing, on time or not, as its options say."""

from typing import ClassVar

from tallyd.drivers.simulation import SimulatedDevice, SimulationOptions


class SimulatedRecorderOptions(SimulationOptions):
    """A recorder that touches nothing; its latency and its faults can be set."""


class SimulatedRecorder(SimulatedDevice):
    """A room's recorder without a room."""

    Options: ClassVar[type[SimulatedRecorderOptions]] = SimulatedRecorderOptions
