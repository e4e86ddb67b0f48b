-- The whole schema. Instants are epoch milliseconds (`_ms`, UTC), lengths too; local dates and
-- times are ISO 8601 text; truth is 0 or 1. Lists of words repeat the enumerations of the domain,
-- and a test holds the two together.

-- One row of what is true of the database as a whole. `compat_version` is the oldest schema
-- version whose programs may still use this database; its name and place never change.
-- `appliance_id` tells to which installation the database and its backups belong. A backup says in
-- `ledger_ends_ms` when it was made, and a database that was restored from it says so until what
-- happened since has been judged.
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  compat_version INTEGER NOT NULL CHECK (compat_version >= 1),
  appliance_id TEXT NOT NULL CHECK (length(appliance_id) = 32),
  revision INTEGER NOT NULL DEFAULT 0,
  targets_revision INTEGER NOT NULL DEFAULT 0,
  exception_days_revision INTEGER NOT NULL DEFAULT 0,
  watermark_ms INTEGER,
  ledger_ends_ms INTEGER,
  last_public_id INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO meta (id, compat_version, appliance_id) VALUES (1, 1, lower(hex(randomblob(16))));

-- Every room and channel ever configured. `public_id` comes from `meta.last_public_id`.
CREATE TABLE targets (
  key TEXT PRIMARY KEY NOT NULL CHECK (key GLOB 'rooms.?*' OR key GLOB 'channels.?*'),
  name TEXT NOT NULL,
  public_id INTEGER NOT NULL UNIQUE CHECK (public_id >= 1),
  uid TEXT NOT NULL UNIQUE,
  zone TEXT NOT NULL,
  capacity INTEGER NOT NULL CHECK (capacity >= 1),
  min_piece_ms INTEGER NOT NULL CHECK (min_piece_ms >= 0),
  known INTEGER NOT NULL CHECK (known IN (0, 1)),
  locked_since_ms INTEGER
) STRICT;

-- The wishes. A start is either an instant (`start_ms`) or a wall time (`start_local`, `zone`);
-- a rule is there where `frequency` is; bit 0 of `weekdays` is Monday. `revision` is that of the
-- last change to the row or to its overrides. A `manual` one is a recording by hand: it happens
-- once, in the slot 'manual', and has ended as soon as it is made. `modified_ms`, `replaced_by` and `conflict_policy`
-- belong to the published interfaces: no decision reads them.
CREATE TABLE schedules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  revision INTEGER NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  target TEXT NOT NULL REFERENCES targets (key) ON UPDATE CASCADE,
  name TEXT NOT NULL CHECK (length(name) <= 200),
  start_ms INTEGER,
  start_local TEXT,
  zone TEXT,
  duration_ms INTEGER NOT NULL CHECK (duration_ms BETWEEN 1 AND 2678400000),
  priority INTEGER NOT NULL CHECK (priority BETWEEN -100 AND 100),
  dst_gap TEXT NOT NULL CHECK (dst_gap IN ('shift', 'skip')),
  dst_overlap TEXT NOT NULL CHECK (dst_overlap IN ('first', 'second')),
  frequency TEXT CHECK (frequency IN ('daily', 'weekly', 'monthly')),
  every INTEGER CHECK (every >= 1),
  weekdays INTEGER CHECK (weekdays BETWEEN 0 AND 127),
  last_day INTEGER CHECK (last_day IN (0, 1)),
  count INTEGER CHECK (count >= 1),
  until TEXT,
  effective_from_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  modified_ms INTEGER,
  ended_ms INTEGER,
  replaced_by INTEGER REFERENCES schedules (id),
  conflict_policy TEXT,
  content_kind TEXT CHECK (content_kind IN ('live', 'asset', 'ad', 'slicer', 'replay')),
  content_id TEXT,
  content_owner TEXT,
  content_offset_ms INTEGER,
  ad_breaks_s TEXT CHECK (json_type(ad_breaks_s) = 'array'),
  description TEXT NOT NULL,
  origin TEXT NOT NULL,
  author TEXT,
  owner TEXT,
  external_id TEXT NOT NULL,
  template TEXT NOT NULL CHECK (json_type(template) = 'object'),
  shared_users TEXT NOT NULL CHECK (json_type(shared_users) = 'array'),
  shared_groups TEXT NOT NULL CHECK (json_type(shared_groups) = 'array'),
  batch TEXT,
  manual INTEGER NOT NULL DEFAULT 0 CHECK (manual IN (0, 1)),
  CHECK ((start_ms IS NULL) <> (start_local IS NULL)),
  CHECK ((start_local IS NULL) = (zone IS NULL)),
  CHECK ((frequency IS NULL) = (every IS NULL)),
  CHECK ((frequency IS NULL) = (weekdays IS NULL)),
  CHECK ((frequency IS NULL) = (last_day IS NULL)),
  CHECK (count IS NULL OR until IS NULL),
  CHECK (frequency IS NOT NULL OR (count IS NULL AND until IS NULL)),
  CHECK ((content_kind IS NULL) = (content_offset_ms IS NULL)),
  CHECK ((content_kind IS NULL) = (ad_breaks_s IS NULL))
) STRICT;

CREATE INDEX schedules_by_revision ON schedules (revision);
CREATE INDEX schedules_by_target ON schedules (target);

-- What is said of single occurrences, by slot.
CREATE TABLE overrides (
  schedule_id INTEGER NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  slot TEXT NOT NULL,
  excluded INTEGER NOT NULL CHECK (excluded IN (0, 1)),
  stop_ms INTEGER,
  paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
  PRIMARY KEY (schedule_id, slot)
) STRICT, WITHOUT ROWID;

-- Days on which nothing starts: everywhere where `target` is NULL.
CREATE TABLE exception_days (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  day TEXT NOT NULL,
  name TEXT NOT NULL,
  target TEXT REFERENCES targets (key) ON UPDATE CASCADE
) STRICT;

CREATE UNIQUE INDEX exception_days_once ON exception_days (day, ifnull(target, ''));

-- The ledger: one row for each occurrence that fell due.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  schedule_id INTEGER NOT NULL REFERENCES schedules (id),
  slot TEXT NOT NULL,
  target TEXT NOT NULL REFERENCES targets (key) ON UPDATE CASCADE,
  name TEXT NOT NULL,
  planned_start_ms INTEGER NOT NULL,
  planned_stop_ms INTEGER NOT NULL,
  status TEXT NOT NULL
    CHECK (status IN ('pending', 'starting', 'started', 'stopping', 'finished')),
  outcome TEXT CHECK (
    outcome IN ('recorded', 'partial', 'failed', 'missed', 'blocked', 'skipped', 'cancelled')
  ),
  reason TEXT CHECK (
    reason IN (
      'occupied', 'too_short', 'locked', 'target_unknown', 'zone_unknown', 'exception_day',
      'excluded', 'operator', 'paused', 'schedule_removed', 'schedule_changed', 'daemon_down',
      'daemon_stopped', 'power_off', 'ledger_restored', 'clock', 'driver_unavailable',
      'device_refused', 'device_silent', 'device_ended', 'device_timeout', 'stalled', 'disk',
      'disk_full', 'disk_missing', 'late', 'back_to_back'
    )
  ),
  sentence TEXT,
  blocker INTEGER,
  since_ms INTEGER,
  finished_at_ms INTEGER,
  UNIQUE (schedule_id, slot),
  CHECK (planned_start_ms <= planned_stop_ms),
  CHECK ((status = 'finished') = (outcome IS NOT NULL))
) STRICT;

CREATE INDEX runs_unfinished ON runs (target) WHERE outcome IS NULL;
CREATE INDEX runs_by_window ON runs (planned_start_ms, planned_stop_ms);
CREATE INDEX runs_by_target ON runs (target, planned_start_ms, planned_stop_ms);

-- The facts of each driver session of a run. `removed` tells of those of its files that are no longer
-- there: path, `at_ms` and why of each.
CREATE TABLE parts (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number >= 1),
  input INTEGER NOT NULL CHECK (input >= 0),
  piece_start_ms INTEGER NOT NULL,
  piece_stop_ms INTEGER NOT NULL,
  token TEXT NOT NULL UNIQUE,
  commanded_at_ms INTEGER NOT NULL,
  lead_ms INTEGER NOT NULL,
  spread_ms INTEGER NOT NULL,
  first_data_at_ms INTEGER,
  last_data_at_ms INTEGER,
  stopped_at_ms INTEGER,
  reference TEXT,
  files TEXT NOT NULL CHECK (json_type(files) = 'array'),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  end_reason TEXT CHECK (
    end_reason IN (
      'planned', 'withdrawn', 'died', 'stalled', 'no_data', 'refused', 'timeout', 'paused',
      'daemon_stopped', 'daemon_died', 'power_off', 'ledger_restored', 'disk', 'disk_full',
      'disk_missing'
    )
  ),
  detail TEXT,
  removed TEXT NOT NULL DEFAULT '[]' CHECK (json_type(removed) = 'array'),
  PRIMARY KEY (run_id, number),
  CHECK (piece_start_ms <= piece_stop_ms)
) STRICT, WITHOUT ROWID;

-- Parts with files that retention may remove.
CREATE INDEX parts_with_files ON parts (run_id)
WHERE json_array_length(files) > json_array_length(removed);
