"""The events of the database and its backups, a part of the list in `events`."""

from collections.abc import Mapping
from typing import Final

from tallyd.logs.event import Event

STORE_EVENTS: Final[Mapping[str, Event]] = {
    "store.opened": Event(
        "info",
        "The database is open.",
        {"path": "of the file", "migrations": "versions that it was brought to just now"},
    ),
    "store.failed": Event(
        "error",
        "The database does not take writes; rows wait in memory and recordings go on.",
        {"error": "what it said", "waiting": "how many rows wait"},
    ),
    "store.recovered": Event(
        "info",
        "The database takes writes again and has caught up.",
        {"attempts": "how many it took"},
    ),
    "store.restored": Event(
        "error",
        "The database was damaged or gone; its newest good backup is in its place.",
        {
            "path": "of the database",
            "damage": "what was wrong",
            "generation": "number of the backup",
            "made_at": "when the backup was made; what was written since is not in it",
            "age_s": "how long ago that was",
            "aside": "where the damaged file is kept; null where there was none",
            "differences": "how many rows the two tell differently, as far as they can be read",
        },
    ),
    "store.difference_found": Event(
        "warning",
        "A row of the damaged database differs from the restored one; at most 100 are said.",
        {"table": "its table", "row_id": "its id", "sentence": "how they differ"},
    ),
    "store.backed_up": Event(
        "debug",
        "The database was backed up.",
        {"generation": "number of the newest backup", "took_ms": "how long it took"},
    ),
    "store.backup_failed": Event(
        "error",
        "The database cannot be backed up; it is tried again every few seconds.",
        {"error": "what the system said"},
    ),
    "store.backup_recovered": Event(
        "info",
        "The database is backed up again.",
        {"generation": "number of the newest backup"},
    ),
    "store.backup_damaged": Event(
        "error",
        "A backup is no longer what it was made as; it was put aside.",
        {"path": "where it is now"},
    ),
    "store.looked_over": Event(
        "debug",
        "The whole database and its backups were looked over and are sound.",
        {"took_ms": "how long it took"},
    ),
    "store.look_failed": Event(
        "warning",
        "The database could not be looked over; that is tried again tomorrow.",
        {"error": "what the system said"},
    ),
    "store.damaged": Event(
        "error",
        "The database is damaged. Recordings go on from memory; the next start restores it. Until"
        " then there are no more backups: what is damaged does not replace what is good.",
        {"path": "of the database", "damage": "what is wrong"},
    ),
    "store.put_back": Event(
        "error",
        "Somebody removed the database while the daemon ran; it was written anew, with all in it.",
        {"path": "of the database"},
    ),
    "store.room_missing": Event(
        "warning",
        "There is no room to be kept for the database on a disk that fills.",
        {"error": "what the system said"},
    ),
}
