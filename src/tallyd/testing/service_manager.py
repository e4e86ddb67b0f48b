"""A service manager that remembers what it is told."""


class FakeServiceManager:
    """Implements `ports.service_manager.ServiceManager`; `told` holds every call, in order."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self.told: list[str] = []

    def ready(self) -> None:
        """Note it."""
        self.told.append("ready")

    def reloading(self) -> None:
        """Note it."""
        self.told.append("reloading")

    def stopping(self, within_s: float) -> None:
        """Note it, with how long it may take."""
        self.told.append(f"stopping within {within_s:g} s")

    def status(self, sentence: str) -> None:
        """Note the sentence if it is another one."""
        if sentence != self.sentence:
            self.told.append(f"status {sentence}")

    def alive(self) -> None:
        """Note it."""
        self.told.append("alive")

    @property
    def sentence(self) -> str:
        """The last status, or an empty text."""
        found = (each for each in reversed(self.told) if each.startswith("status "))
        return next(found, "").removeprefix("status ")
