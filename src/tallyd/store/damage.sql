-- What is asked of a database that may be damaged, by name, as in queries.sql. Where two are
-- compared, `main` is the one in use and `saved` a backup of it that is known to be good.

-- name: get_appliance_id
-- Give the installation to which a database belongs.
SELECT appliance_id FROM meta;

-- name: get_ledger_end
-- Give when the backup was made that a database was restored from; NULL where nothing is open.
SELECT ledger_ends_ms FROM meta;

-- name: settle_ledger
-- Say that what happened since a backup was restored has been judged.
UPDATE meta SET ledger_ends_ms = NULL;

-- name: stamp_backup
-- Say in a backup when it was made; an older end that was not judged yet stays.
UPDATE meta SET ledger_ends_ms = min(ifnull(ledger_ends_ms, :now_ms), :now_ms);

-- name: get_counters
-- Give the numbers that the database has given out.
SELECT last_public_id, revision FROM meta;

-- name: list_last_ids
-- Give the last id given out in each table.
SELECT name, seq FROM sqlite_sequence;

-- name: begin_last_ids
-- Have a table count its ids, if it had no row so far.
INSERT INTO sqlite_sequence (name, seq)
SELECT :name, 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = :name)
  AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = :name);

-- name: raise_last_id
-- Give out no id of a table that was given out before; a number that damage made is disregarded.
UPDATE sqlite_sequence
SET seq = :last_id
WHERE name = :name AND :last_id - seq BETWEEN 1 AND 1000000;

-- name: raise_public_id
-- Give out no public id that was given out before, as above.
UPDATE meta
SET last_public_id = :last_public_id
WHERE :last_public_id - last_public_id BETWEEN 1 AND 1000000;

-- name: raise_revision_to
-- Let the revision of the wishes go on from where it was, as above.
UPDATE meta SET revision = :revision WHERE :revision - revision BETWEEN 1 AND 1000000;

-- name: count_steps_back
-- Count the numbers of the database that only ever grow and are smaller than they were.
SELECT count(*)
FROM main.meta AS now
JOIN saved.meta AS before
WHERE now.revision < before.revision
  OR now.targets_revision < before.targets_revision
  OR now.exception_days_revision < before.exception_days_revision
  OR now.last_public_id < before.last_public_id;

-- name: list_sequences_back
-- Give the tables whose newest row is older than it was.
SELECT before.name
FROM saved.sqlite_sequence AS before
LEFT JOIN main.sqlite_sequence AS now ON now.name = before.name
WHERE ifnull(now.seq, 0) < before.seq
ORDER BY before.name;

-- name: list_schedules_gone
-- Give the schedules that are no longer there: they end, and are never deleted.
SELECT id FROM saved.schedules
EXCEPT
SELECT id FROM main.schedules
ORDER BY id;

-- name: list_schedules_altered
-- Give the schedules that differ from what they were at the very same revision.
SELECT now.id
FROM (SELECT * FROM main.schedules EXCEPT SELECT * FROM saved.schedules) AS now
JOIN saved.schedules AS before ON before.id = now.id
WHERE now.revision = before.revision
ORDER BY now.id;

-- name: list_schedules_misdated
-- Give the schedules that changed at a revision that was over before, or that never was.
SELECT now.id
FROM (SELECT * FROM main.schedules EXCEPT SELECT * FROM saved.schedules) AS now
LEFT JOIN saved.schedules AS before ON before.id = now.id
WHERE (now.revision <= (SELECT revision FROM saved.meta) AND now.revision IS NOT before.revision)
  OR now.revision > (SELECT revision FROM main.meta)
ORDER BY now.id;

-- name: list_overrides_altered
-- Give the schedules whose overrides differ from what they were at the very same revision.
SELECT DISTINCT id
FROM main.schedules AS now
JOIN saved.schedules AS before USING (id, revision)
JOIN (
  SELECT schedule_id FROM (SELECT * FROM main.overrides EXCEPT SELECT * FROM saved.overrides)
  UNION ALL
  SELECT schedule_id FROM (SELECT * FROM saved.overrides EXCEPT SELECT * FROM main.overrides)
) ON schedule_id = id
ORDER BY id;

-- name: list_targets_altered
-- Give the targets that differ although no target changed.
SELECT key FROM (SELECT * FROM main.targets EXCEPT SELECT * FROM saved.targets)
WHERE (SELECT targets_revision FROM main.meta) = (SELECT targets_revision FROM saved.meta)
UNION
SELECT key FROM (SELECT * FROM saved.targets EXCEPT SELECT * FROM main.targets)
WHERE (SELECT targets_revision FROM main.meta) = (SELECT targets_revision FROM saved.meta);

-- name: list_exception_days_altered
-- Give the exception days that differ although neither a day nor a target changed.
SELECT DISTINCT id
FROM (
  SELECT * FROM (SELECT * FROM main.exception_days EXCEPT SELECT * FROM saved.exception_days)
  UNION
  SELECT * FROM (SELECT * FROM saved.exception_days EXCEPT SELECT * FROM main.exception_days)
)
WHERE (SELECT targets_revision FROM main.meta) = (SELECT targets_revision FROM saved.meta)
  AND (SELECT exception_days_revision FROM main.meta)
    = (SELECT exception_days_revision FROM saved.meta);

-- name: list_runs_altered
-- Give the runs that were final and are told otherwise, or are open again though they recorded.
SELECT before.id
FROM saved.runs AS before
JOIN main.runs AS now ON now.id = before.id
WHERE before.status = 'finished'
  AND (
    now.status <> 'finished'
    AND EXISTS (
      SELECT 1 FROM saved.parts WHERE run_id = before.id AND first_data_at_ms IS NOT NULL
    )
    OR now.finished_at_ms IS before.finished_at_ms
    AND (
      now.schedule_id, now.slot, now.name, now.planned_start_ms, now.planned_stop_ms, now.outcome,
      now.reason, now.blocker, now.since_ms
    ) IS NOT (
      before.schedule_id, before.slot, before.name, before.planned_start_ms,
      before.planned_stop_ms, before.outcome, before.reason, before.blocker, before.since_ms
    )
  )
ORDER BY before.id;

-- name: list_parts_altered
-- Give the runs with a part whose beginning is told otherwise; until its end that is refined.
SELECT DISTINCT before.run_id
FROM saved.parts AS before
JOIN main.parts AS now ON now.run_id = before.run_id AND now.number = before.number
WHERE before.first_data_at_ms IS NOT NULL
  AND (
    (now.input, now.token, now.commanded_at_ms, now.lead_ms)
      IS NOT (before.input, before.token, before.commanded_at_ms, before.lead_ms)
    OR before.end_reason IS NOT NULL AND now.first_data_at_ms IS NOT before.first_data_at_ms
  )
ORDER BY before.run_id;

-- name: read_schedules_upwards
-- Give every schedule, the oldest first.
SELECT * FROM schedules NOT INDEXED ORDER BY id;

-- name: read_schedules_downwards
-- Give every schedule, the newest first: a damaged page is met from the other side.
SELECT * FROM schedules NOT INDEXED ORDER BY id DESC;

-- name: read_runs_upwards
-- Give every run, the oldest first.
SELECT * FROM runs NOT INDEXED ORDER BY id;

-- name: read_runs_downwards
-- Give every run, the newest first.
SELECT * FROM runs NOT INDEXED ORDER BY id DESC;
