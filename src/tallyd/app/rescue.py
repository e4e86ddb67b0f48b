"""What an operator does with backups: makes one, puts one back, begins anew. All of it blocks."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tallyd.app.readiness import DAMAGE, Now, backups_of, require_usable
from tallyd.domain.errors import NotFound, Refused
from tallyd.state_dir import APPLIANCE_ID, DaemonRunsError, StateDir
from tallyd.store import (
    DatabaseMissingError,
    Generation,
    NoBackupError,
    Restoration,
    appliance_id_of,
    export,
    put_aside,
    require_backup,
    restore,
)


def make_backup(state: StateDir, now: Now) -> Generation:
    """Make a generation of the database as it is now, beside a running daemon or without.

    Raises:
        StateDirError, StoreError: there is no database, it is damaged, or the disk refuses.
    """
    if state.is_new():
        raise DatabaseMissingError(state.database)
    return backups_of(state).make(now())


def export_backup(state: StateDir, file: Path, now: Now) -> None:
    """Write the database as it is now to a new file.

    Raises:
        StateDirError, StoreError: as above, or there is such a file.
    """
    if state.is_new():
        raise DatabaseMissingError(state.database)
    export(state.database, file, now())


def restore_generation(state: StateDir, serial: int | None, now: Now) -> Restoration:
    """Put a generation in the place of the database, the newest good one where none is named.

    Raises:
        Refused: a daemon runs.
        NotFound: there is no such generation.
        StateDirError, StoreError: it cannot be used, or the disk refuses.
    """
    backups = backups_of(state)
    with _held(state):
        own = state.appliance_id()
        if serial is None:
            chosen = backups.newest_good(own)
            if chosen is None:
                raise NoBackupError(state.database, "nothing to restore", backups.directory)
        else:
            chosen = next((each for each in backups.generations() if each.serial == serial), None)
            if chosen is None:
                raise NotFound("generation", str(serial))
            backups.verify(chosen, own)
        return _put_in_place(state, backups.path_of(chosen), now)


def restore_file(state: StateDir, file: Path, now: Now) -> Restoration:
    """Put a database file in the place of the database of the same installation, or of none.

    Raises:
        Refused: a daemon runs.
        StateDirError, StoreError: it cannot be used, or the disk refuses.
    """
    with _held(state):
        require_backup(file, state.appliance_id())
        return _put_in_place(state, file, now)


def take_over(state: StateDir, file: Path, now: Now) -> Restoration:
    """Go on as the installation whose database a file holds; what was here is put aside.

    Raises:
        Refused, StateDirError, StoreError: as above.
    """
    with _held(state):
        require_backup(file, None)
        # The id stays until the new one replaces it: without it this would be a new installation.
        put_aside(state.database, now())
        put_aside(state.backups, now())
        return _put_in_place(state, file, now)


def start_anew(state: StateDir, now: Now) -> tuple[Path, ...]:
    """Put everything of a database that cannot be used aside, so that the next start begins anew.

    Raises:
        Refused: a daemon runs, or there is nothing wrong with the database.
        StateDirError, StoreError: the disk refuses.
    """
    with _held(state):
        try:
            if not state.is_new():
                require_usable(state, backups_of(state))
            raise Refused("nothing is wrong with the database; remove schedules one by one")
        except DAMAGE:
            return _put_all_aside(state, now)


def _put_in_place(state: StateDir, source: Path, now: Now) -> Restoration:
    # It becomes the newest generation before it becomes the database: whatever happens in between,
    # the next start finds nothing newer to hold against it.
    backups = backups_of(state)
    generation = backups.take_in(source, now())
    restoration = restore(state.database, backups, generation, now())
    state.mark_installed(appliance_id_of(state.database))
    return restoration


def _put_all_aside(state: StateDir, now: Now) -> tuple[Path, ...]:
    # The id goes last: as long as it is there, this is no new installation.
    things = (state.database, state.backups, state.path / APPLIANCE_ID)
    moved = (put_aside(each, now()) for each in things)
    return tuple(each for each in moved if each is not None)


@contextmanager
def _held(state: StateDir) -> Generator[None]:
    state.prepare()
    try:
        with state.locked():
            yield
    except DaemonRunsError as error:
        raise Refused(f"a daemon runs with {state.path}; stop it first") from error
