"""Why a database file cannot be used, as types that carry data; who acts on it is not said here."""

from pathlib import Path

from tallyd.ports.store import StoreError


class OutcomeUnknownError(StoreError):
    """The disk failed during a commit: what was to be stored may be there or not."""

    def __init__(self, doing: str, said: str) -> None:
        super().__init__(f"{doing}: the disk failed, and it is not known what it stored: {said}")


class DatabaseUnusableError(StoreError):
    """The file at `path` cannot be used; nothing in it was changed."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.path = path


class DatabaseMissingError(DatabaseUnusableError):
    """There is no file."""

    what = "it is gone"

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
        self.what = f"not a database of tallyd (application id {application_id:#x})"
        super().__init__(path, self.what)
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


class DatabaseStrangeError(DatabaseUnusableError):
    """The file is the database of another installation of tallyd."""

    def __init__(self, path: Path, found: str, own: str) -> None:
        super().__init__(
            path,
            f"the database of another installation ({found}, this one is {own}): put it elsewhere "
            "and take it over with `tallyd restore FILE --take-over`",
        )


class NoBackupError(DatabaseUnusableError):
    """The database cannot be used, and there is no good backup of it in `directory`."""

    def __init__(self, path: Path, why: str, directory: Path) -> None:
        super().__init__(
            path,
            f"the database cannot be used: {why}; there is no good backup in {directory}: put one "
            "back with `tallyd restore FILE`, or begin anew, without a schedule, with "
            "`tallyd doctor --start-anew`",
        )


class BackupUnusableError(DatabaseUnusableError):
    """A backup is not what it was made as, or not of this installation."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"the backup cannot be used: {why}")
