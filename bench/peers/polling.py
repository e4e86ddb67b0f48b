"""`python -m bench.peers.polling EDGES DATABASE`: asks SQLite every second what is due, like pyCA.

Arguments and output are those of `plain_apscheduler`.
"""

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

EVERY_S = 1.0


def _serve(edges: list[tuple[int, int, int]], database: sqlite3.Connection) -> list[int]:
    database.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, start INTEGER, status TEXT)")
    rows = [(index, begin) for index, (_, begin, _) in enumerate(edges)]
    database.executemany("INSERT INTO event VALUES (?, ?, 'upcoming')", rows)
    database.commit()
    calls: dict[int, int] = {}
    due = "SELECT id FROM event WHERE start <= ? AND status = 'upcoming' ORDER BY start"
    while len(calls) < len(edges):
        for (index,) in database.execute(due, (time.time_ns() // 10**6,)).fetchall():
            calls[index] = time.time_ns()
            database.execute("UPDATE event SET status = 'recording' WHERE id = ?", (index,))
            database.commit()
        time.sleep(EVERY_S)  # noqa: TID251 - just this is what is measured
    return [calls[index] for index in sorted(calls)]


if __name__ == "__main__":
    with closing(sqlite3.connect(sys.argv[2])) as connection:
        sys.stdout.write(json.dumps(_serve(json.loads(Path(sys.argv[1]).read_text()), connection)))
