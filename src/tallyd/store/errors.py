"""Why a database file cannot be used, as types that carry data; who acts on it is not said here."""

from pathlib import Path

from tallyd.ports.store import StoreError


class DatabaseUnusableError(StoreError):
    """The file at `path` cannot be used; nothing in it was changed."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.path = path


class DatabaseMissingError(DatabaseUnusableError):
    """There is no file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "there is no database")


class DatabaseDamagedError(DatabaseUnusableError):
    """The file is empty, or SQLite cannot read it; `what` says which."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path, f"the database is damaged: {what}")
        self.what = what


class DatabaseForeignError(DatabaseUnusableError):
    """The file is the database of another program."""

    def __init__(self, path: Path, application_id: int) -> None:
        super().__init__(path, f"not a database of tallyd (application id {application_id:#x})")
        self.application_id = application_id


class DatabaseTooNewError(DatabaseUnusableError):
    """A newer tallyd wrote the file: its schema is `version`, this program knows up to `known`."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        super().__init__(
            path, f"written by a newer tallyd (schema {version}, this one knows up to {known})"
        )
        self.version = version
        self.known = known


class DatabaseOldError(DatabaseUnusableError):
    """The schema is `version`, older than `known`; the daemon brings it up to date as it starts."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        super().__init__(
            path, f"of an older tallyd (schema {version}, wanted {known}): start the daemon once"
        )
        self.version = version
        self.known = known
