"""The database on SQLite: how it is made, opened and asked. Nothing here decides anything."""

from tallyd.store.backup import Backups, export, require_backup
from tallyd.store.errors import (
    BackupUnusableError,
    DatabaseDamagedError,
    DatabaseForeignError,
    DatabaseMissingError,
    DatabaseOldError,
    DatabaseStrangeError,
    DatabaseTooNewError,
    DatabaseUnusableError,
    NoBackupError,
)
from tallyd.store.generations import Generation
from tallyd.store.integrity import (
    appliance_id_of,
    ledger_end_of,
    require_descent,
    require_sound,
    require_sound_throughout,
)
from tallyd.store.migrate import initialise, is_due, migrate, schema_of
from tallyd.store.quarantine import put_aside
from tallyd.store.restoring import Restoration, restore, settle_ledger
from tallyd.store.sqlite import SqliteStore, open_store
from tallyd.store.wal import empty as empty_log
from tallyd.store.wal import reserve as reserve_log

__all__ = [
    "BackupUnusableError",
    "Backups",
    "DatabaseDamagedError",
    "DatabaseForeignError",
    "DatabaseMissingError",
    "DatabaseOldError",
    "DatabaseStrangeError",
    "DatabaseTooNewError",
    "DatabaseUnusableError",
    "Generation",
    "NoBackupError",
    "Restoration",
    "SqliteStore",
    "appliance_id_of",
    "empty_log",
    "export",
    "initialise",
    "is_due",
    "ledger_end_of",
    "migrate",
    "open_store",
    "put_aside",
    "require_backup",
    "require_descent",
    "require_sound",
    "require_sound_throughout",
    "reserve_log",
    "restore",
    "schema_of",
    "settle_ledger",
]
