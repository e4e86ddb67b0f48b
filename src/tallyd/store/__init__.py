"""The database on SQLite: how it is made, opened and asked. Nothing here decides anything."""

from tallyd.store.errors import (
    DatabaseDamagedError,
    DatabaseForeignError,
    DatabaseMissingError,
    DatabaseOldError,
    DatabaseTooNewError,
    DatabaseUnusableError,
)
from tallyd.store.migrate import initialise, migrate
from tallyd.store.sqlite import SqliteStore, open_store

__all__ = [
    "DatabaseDamagedError",
    "DatabaseForeignError",
    "DatabaseMissingError",
    "DatabaseOldError",
    "DatabaseTooNewError",
    "DatabaseUnusableError",
    "SqliteStore",
    "initialise",
    "migrate",
    "open_store",
]
