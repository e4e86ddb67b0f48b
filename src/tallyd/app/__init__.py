"""The composition root: joins settings, store, drivers and engine. Nothing else joins layers."""

from tallyd.app.daemon import run_daemon
from tallyd.app.inputs import slicer_problems
from tallyd.app.installation import (
    Appliance,
    open_for_changes,
    open_for_reports,
    targets_of,
)
from tallyd.app.workshop import driver_checker, registry

__all__ = [
    "Appliance",
    "driver_checker",
    "open_for_changes",
    "open_for_reports",
    "registry",
    "run_daemon",
    "slicer_problems",
    "targets_of",
]
