"""The port to what runs the daemon as a service: it is told how the daemon is. No code here."""

from typing import Protocol


class ServiceManager(Protocol):
    """Is told how the daemon is. Every call returns at once, and none ever raises."""

    @property
    def watchdog_s(self) -> float | None:
        """Seconds without `alive` after which the daemon is taken for stuck; None: nobody looks."""
        ...

    def ready(self) -> None:
        """Tell that the daemon works: after its boot, and after each `reloading`."""
        ...

    def reloading(self) -> None:
        """Tell that the configuration is being read anew; `ready` ends it, applied or refused."""
        ...

    def stopping(self, within_s: float) -> None:
        """Tell that the daemon ends, and how long that may take; a further call gives more time."""
        ...

    def status(self, sentence: str) -> None:
        """Tell people in one line what the daemon does."""
        ...

    def alive(self) -> None:
        """Tell that the daemon is not stuck."""
        ...
