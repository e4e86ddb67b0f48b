"""tallyd: executes recording schedules; the version lives here, nothing else does."""

__version__ = "0.1.0"
