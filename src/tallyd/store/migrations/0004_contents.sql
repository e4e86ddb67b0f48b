-- What channels play: the library, playlists, and what entries of a channel say beside what others do.

-- The playlist that an entry was booked from; what the channel is to put out again, of the past.
ALTER TABLE schedules ADD COLUMN playlist TEXT;
ALTER TABLE schedules ADD COLUMN replay_start_ms INTEGER;
ALTER TABLE schedules ADD COLUMN replay_stop_ms INTEGER CHECK (
  (replay_start_ms IS NULL) = (replay_stop_ms IS NULL) AND replay_stop_ms >= replay_start_ms
);

-- From here on every change is dated; of what is older the last one that is known of is.
UPDATE schedules SET modified_ms = max(created_ms, ifnull(ended_ms, created_ms));

-- A page of a channel's entries costs what is on it, however many there are: by start, those longer
-- than any entry of a client apart, and those whose end was moved.
CREATE INDEX schedules_by_start ON schedules (target, start_ms, duration_ms, ended_ms)
WHERE start_ms IS NOT NULL;
CREATE INDEX schedules_long ON schedules (target, start_ms)
WHERE start_ms IS NOT NULL AND duration_ms > 43200000;
CREATE INDEX overrides_by_stop ON overrides (stop_ms) WHERE stop_ms IS NOT NULL;
CREATE INDEX schedules_by_wall ON schedules (target, start_local) WHERE start_local IS NOT NULL;
CREATE INDEX schedules_repeating ON schedules (target) WHERE frequency IS NOT NULL;
CREATE INDEX schedules_by_change ON schedules (target, modified_ms) WHERE start_ms IS NOT NULL;
CREATE INDEX schedules_by_external_id ON schedules (target, external_id) WHERE external_id <> '';
CREATE INDEX schedules_by_batch ON schedules (batch) WHERE batch IS NOT NULL;
CREATE INDEX schedules_by_asset ON schedules (content_id) WHERE content_kind = 'asset';

-- A file that channels play. `breaks_ms` are the positions of its ad breaks, `streams` what was found in
-- it. A row outlives the asset: what was played keeps its name.
CREATE TABLE assets (
  id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 32),
  name TEXT NOT NULL CHECK (length(name) <= 200),
  path TEXT NOT NULL,
  duration_ms INTEGER NOT NULL CHECK (duration_ms >= 1),
  breaks_ms TEXT NOT NULL CHECK (json_type(breaks_ms) = 'array'),
  streams TEXT NOT NULL CHECK (json_type(streams) = 'array'),
  created_ms INTEGER NOT NULL,
  removed_ms INTEGER
) STRICT, WITHOUT ROWID;

-- What can be booked in one go: `items` are {"asset": id} or {"ad_ms": length}, in order.
CREATE TABLE playlists (
  id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 32),
  owner TEXT,
  description TEXT NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  repeats INTEGER NOT NULL CHECK (repeats >= -1),
  break_s INTEGER NOT NULL CHECK (break_s >= 0),
  ad_slate_fill INTEGER NOT NULL CHECK (ad_slate_fill IN (0, 1)),
  skip_drm INTEGER NOT NULL CHECK (skip_drm IN (0, 1)),
  studio_drm_required INTEGER NOT NULL CHECK (studio_drm_required IN (0, 1)),
  items TEXT NOT NULL CHECK (json_type(items) = 'array'),
  created_ms INTEGER NOT NULL,
  modified_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
