"""Brings the database into a state in which the daemon can use it, or says why there is none.

Everything here blocks, and needs the daemon's lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tallyd.state_dir import DatabaseLostError, StateDir
from tallyd.store import (
    Backups,
    DatabaseDamagedError,
    DatabaseForeignError,
    DatabaseMissingError,
    DatabaseStrangeError,
    NoBackupError,
    Restoration,
    appliance_id_of,
    empty_log,
    initialise,
    is_due,
    ledger_end_of,
    migrate,
    require_descent,
    require_sound,
    require_sound_throughout,
    restore,
)

Now = Callable[[], datetime]

DAMAGE = (DatabaseLostError, DatabaseMissingError, DatabaseDamagedError, DatabaseForeignError)
"""What a backup mends."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What had to be done: versions gone through, what was wrong, what was restored for that.

    `ledger_ends` is the instant after which rows may be missing, until they have been judged: this
    start restored the database, or one before it that did not come that far, or an operator.
    """

    migrations: tuple[int, ...]
    ledger_ends: datetime | None
    damage: str | None
    restoration: Restoration | None


def backups_of(state: StateDir) -> Backups:
    """Give the backups of an installation."""
    return Backups(state.backups, state.database)


def make_ready(state: StateDir, now: Now) -> Readiness:
    """Create, check, restore or migrate the database, whichever it needs.

    Raises:
        DatabaseTooNewError: a newer release wrote it; not a byte was changed.
        DatabaseStrangeError: it belongs to another installation.
        NoBackupError: it is damaged or gone, and no good backup is there; nothing was changed.
        StateDirError, StoreError: the system does not let it.
    """
    backups = backups_of(state)
    damage, restoration = None, None
    try:
        if state.is_new():
            initialise(state.database)
        require_usable(state, backups)
    except DAMAGE as error:
        damage = error.what
        restoration = _restore_newest(state, backups, damage, now())
    backups.sweep()
    if state.appliance_id() is None:
        state.mark_installed(appliance_id_of(state.database))
    if is_due(state.database):
        backups.make(now())
    migrations = migrate(state.database)
    empty_log(state.database)
    state.trust()
    return Readiness(migrations, ledger_end_of(state.database), damage, restoration)


def require_usable(state: StateDir, backups: Backups) -> None:
    """Make sure that the database is sound, of this installation, and not behind its backups.

    Raises:
        DatabaseUnusableError: it is not; nothing was changed.
        StateDirError, StoreError: the system does not let it be read.
    """
    found, own = appliance_id_of(state.database), state.appliance_id()
    if state.is_suspect():
        require_sound_throughout(state.database)
    else:
        require_sound(state.database)
    if own is not None and found != own:
        raise DatabaseStrangeError(state.database, found, own)
    newest = backups.newest_good(found)
    if newest is not None:
        require_descent(state.database, backups.path_of(newest))


def _restore_newest(state: StateDir, backups: Backups, damage: str, now: datetime) -> Restoration:
    newest = backups.newest_good(state.appliance_id())
    if newest is None:
        raise NoBackupError(state.database, damage, backups.directory)
    return restore(state.database, backups, newest, now)
