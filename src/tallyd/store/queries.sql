-- Every statement of the store, by name; the word under a name says what it does.
-- Statements that change rows return one integer for each row that they touched.

-- name: get_meta
-- Give the revisions and the watermark.
SELECT revision, targets_revision, exception_days_revision, assets_revision, watermark_ms FROM meta;

-- name: raise_revision
-- Raise the revision of the wishes by one and give it; what changes is then stamped with it.
UPDATE meta SET revision = revision + 1 RETURNING revision;

-- name: stamp_targets
-- Say that targets changed at the present revision.
UPDATE meta SET targets_revision = revision RETURNING revision;

-- name: stamp_exception_days
-- Say that exception days changed at the present revision.
UPDATE meta SET exception_days_revision = revision RETURNING revision;

-- name: stamp_assets
-- Say that the library changed at the present revision.
UPDATE meta SET assets_revision = revision RETURNING revision;

-- name: stamp_schedule
-- Say that a schedule or one of its overrides changed at the present revision.
UPDATE schedules SET revision = (SELECT revision FROM meta) WHERE id = :id RETURNING id;

-- name: move_watermark
-- Move the watermark if it still is what it was.
UPDATE meta SET watermark_ms = :to WHERE watermark_ms IS :was RETURNING id;

-- name: take_public_id
-- Take the next public id never used, or note that the wanted one is used from now on.
UPDATE meta
SET last_public_id = CASE :wanted
  WHEN 0 THEN last_public_id + 1
  ELSE max(last_public_id, :wanted)
END
RETURNING CASE :wanted WHEN 0 THEN last_public_id ELSE :wanted END;

-- name: list_targets
-- Give every target in order of key.
SELECT * FROM targets ORDER BY key;

-- name: get_target
-- Give one target.
SELECT * FROM targets WHERE key = :key;

-- name: insert_target
-- Add a target.
INSERT INTO targets
  (key, name, public_id, uid, zone, capacity, min_piece_ms, known, locked_since_ms)
VALUES
  (:key, :name, :public_id, :uid, :zone, :capacity, :min_piece_ms, :known, :locked_since_ms)
RETURNING public_id;

-- name: update_target
-- Replace what may change of a target.
UPDATE targets
SET
  name = :name,
  zone = :zone,
  capacity = :capacity,
  min_piece_ms = :min_piece_ms,
  known = :known,
  locked_since_ms = :locked_since_ms
WHERE key = :key
RETURNING public_id;

-- name: rename_target
-- Give a target another key; what refers to it follows by its foreign keys.
UPDATE targets SET key = :new_key WHERE key = :key RETURNING public_id;

-- name: renumber_target
-- Give a target another public id.
UPDATE targets SET public_id = :public_id WHERE key = :key RETURNING public_id;

-- name: stamp_schedules_of_target
-- Say that every schedule of a target changed at the present revision.
UPDATE schedules SET revision = (SELECT revision FROM meta) WHERE target = :target RETURNING id;

-- name: list_schedules
-- Give every schedule in order of id.
SELECT * FROM schedules ORDER BY id;

-- name: list_schedules_of_target
-- Give the schedules of one target in order of id.
SELECT * FROM schedules WHERE target = :target ORDER BY id;

-- name: list_standing_schedules
-- Give the schedules of one target that were not removed, so many after an id, in order of id.
SELECT * FROM schedules INDEXED BY schedules_by_target
WHERE target = :target AND id > :after AND ended_ms IS NULL
ORDER BY id
LIMIT :limit;

-- name: list_schedules_of_ids
-- Give the schedules whose ids are in a JSON list, in order of id.
SELECT * FROM schedules
WHERE id IN (SELECT value FROM json_each(:schedule_ids))
ORDER BY id;

-- name: list_schedules_changed
-- Give the schedules that changed after a revision, in order of id.
SELECT * FROM schedules INDEXED BY schedules_by_revision
WHERE revision > :revision
ORDER BY id;

-- name: get_schedule
-- Give one schedule.
SELECT * FROM schedules WHERE id = :id;

-- name: insert_schedule
-- Add a schedule and give the id that it gets.
INSERT INTO schedules (
  revision, uid, target, name, start_ms, start_local, zone, duration_ms, priority, dst_gap,
  dst_overlap, frequency, every, weekdays, last_day, count, until, effective_from_ms, created_ms,
  ended_ms, content_kind, content_id, content_owner, content_offset_ms, ad_breaks_s, description,
  origin, author, owner, external_id, template, shared_users, shared_groups, batch, manual,
  modified_ms, replaced_by, playlist, replay_start_ms, replay_stop_ms
)
VALUES (
  (SELECT revision FROM meta), :uid, :target, :name, :start_ms, :start_local, :zone, :duration_ms, :priority,
  :dst_gap, :dst_overlap, :frequency, :every, :weekdays, :last_day, :count, :until,
  :effective_from_ms, :created_ms, :ended_ms, :content_kind, :content_id, :content_owner,
  :content_offset_ms, :ad_breaks_s, :description, :origin, :author, :owner, :external_id,
  :template, :shared_users, :shared_groups, :batch, :manual,
  :modified_ms, :replaced_by, :playlist, :replay_start_ms, :replay_stop_ms
)
RETURNING id;

-- name: update_schedule
-- Replace a schedule.
UPDATE schedules
SET
  revision = (SELECT revision FROM meta),
  uid = :uid,
  target = :target,
  name = :name,
  start_ms = :start_ms,
  start_local = :start_local,
  zone = :zone,
  duration_ms = :duration_ms,
  priority = :priority,
  dst_gap = :dst_gap,
  dst_overlap = :dst_overlap,
  frequency = :frequency,
  every = :every,
  weekdays = :weekdays,
  last_day = :last_day,
  count = :count,
  until = :until,
  effective_from_ms = :effective_from_ms,
  created_ms = :created_ms,
  ended_ms = :ended_ms,
  content_kind = :content_kind,
  content_id = :content_id,
  content_owner = :content_owner,
  content_offset_ms = :content_offset_ms,
  ad_breaks_s = :ad_breaks_s,
  description = :description,
  origin = :origin,
  author = :author,
  owner = :owner,
  external_id = :external_id,
  template = :template,
  shared_users = :shared_users,
  shared_groups = :shared_groups,
  batch = :batch,
  manual = :manual,
  modified_ms = :modified_ms,
  replaced_by = :replaced_by,
  playlist = :playlist,
  replay_start_ms = :replay_start_ms,
  replay_stop_ms = :replay_stop_ms
WHERE id = :id
RETURNING id;

-- name: list_overrides
-- Give every override in order of schedule and slot.
SELECT * FROM overrides ORDER BY schedule_id, slot;

-- name: list_overrides_of_schedules
-- Give the overrides of the schedules whose ids are in a JSON list, in order of schedule and slot.
SELECT * FROM overrides
WHERE schedule_id IN (SELECT value FROM json_each(:schedule_ids))
ORDER BY schedule_id, slot;

-- name: list_overrides_of_target
-- Give the overrides of the schedules of one target, in order of schedule and slot.
SELECT overrides.*
FROM schedules INDEXED BY schedules_by_target
CROSS JOIN overrides ON overrides.schedule_id = schedules.id
WHERE schedules.target = :target
ORDER BY schedules.id, overrides.slot;

-- name: list_overrides_changed
-- Give all overrides of the schedules that changed after a revision.
SELECT overrides.*
FROM schedules INDEXED BY schedules_by_revision
CROSS JOIN overrides ON overrides.schedule_id = schedules.id
WHERE schedules.revision > :revision
ORDER BY overrides.schedule_id, overrides.slot;

-- name: put_override
-- Add an override or replace the one of that occurrence.
INSERT INTO overrides (schedule_id, slot, excluded, stop_ms, paused)
VALUES (:schedule_id, :slot, :excluded, :stop_ms, :paused)
ON CONFLICT (schedule_id, slot) DO UPDATE
SET excluded = excluded.excluded, stop_ms = excluded.stop_ms, paused = excluded.paused
RETURNING schedule_id;

-- name: delete_old_runs
-- Remove the finished runs, parts included, whose window ended before an instant.
DELETE FROM runs WHERE status = 'finished' AND planned_stop_ms < :before_ms RETURNING id;

-- name: delete_overrides
-- Remove every override of a schedule.
DELETE FROM overrides WHERE schedule_id = :schedule_id RETURNING schedule_id;

-- name: list_exception_days
-- Give the exception days in order of day and id.
SELECT * FROM exception_days ORDER BY day, id;

-- name: get_exception_day
-- Give the exception day of a day and target.
SELECT * FROM exception_days WHERE day = :day AND ifnull(target, '') = ifnull(:target, '');

-- name: insert_exception_day
-- Add an exception day and give the id that it gets.
INSERT INTO exception_days (day, name, target) VALUES (:day, :name, :target) RETURNING id;

-- name: delete_exception_day
-- Remove an exception day.
DELETE FROM exception_days WHERE id = :id RETURNING id;

-- name: get_run
-- Give one run, in a row for each of its parts.
SELECT *
FROM runs
LEFT JOIN parts ON run_id = id
WHERE id = :id
ORDER BY number;

-- name: get_run_of_occurrence
-- Give the run of an occurrence, in a row for each of its parts.
SELECT *
FROM runs
LEFT JOIN parts ON run_id = id
WHERE schedule_id = :schedule_id AND slot = :slot
ORDER BY number;

-- name: list_unfinished_runs
-- Give the runs without an outcome in order of id, in a row for each part.
SELECT *
FROM runs INDEXED BY runs_unfinished
LEFT JOIN parts ON run_id = id
WHERE outcome IS NULL
ORDER BY id, number;

-- name: list_unfinished_runs_of_targets
-- Give the runs without an outcome of the targets whose keys are in a JSON list, as above.
SELECT *
FROM runs INDEXED BY runs_unfinished
LEFT JOIN parts ON run_id = id
WHERE outcome IS NULL AND target IN (SELECT value FROM json_each(:targets))
ORDER BY id, number;

-- name: list_standing_runs
-- Give the runs of one target without an outcome or that end after an instant, as above.
SELECT *
FROM runs
LEFT JOIN parts ON run_id = id
WHERE id IN (
  SELECT id FROM runs WHERE target = :target AND outcome IS NULL
  UNION ALL
  SELECT id FROM runs WHERE target = :target AND planned_stop_ms > :since_ms
)
ORDER BY id, number;

-- name: list_runs
-- Give the runs whose planned window intersects another, newest first, in a row for each part.
SELECT *
FROM (
  SELECT * FROM runs
  WHERE planned_start_ms < :stop_ms AND planned_stop_ms > :start_ms
  ORDER BY planned_start_ms DESC, id DESC
  LIMIT :limit
)
LEFT JOIN parts ON run_id = id
ORDER BY planned_start_ms DESC, id DESC, number;

-- name: list_runs_of_target
-- Give the runs of one target whose planned window intersects another, as above.
SELECT *
FROM (
  SELECT * FROM runs
  WHERE target = :target AND planned_start_ms < :stop_ms AND planned_stop_ms > :start_ms
  ORDER BY planned_start_ms DESC, id DESC
  LIMIT :limit
)
LEFT JOIN parts ON run_id = id
ORDER BY planned_start_ms DESC, id DESC, number;

-- name: list_recordings
-- Give finished runs with files that are still there, oldest first, in a row for each part.
SELECT *
FROM (
  SELECT * FROM runs
  WHERE id IN (
      SELECT run_id FROM parts INDEXED BY parts_with_files
      WHERE json_array_length(files) > json_array_length(removed)
    )
    AND status = 'finished'
    AND planned_stop_ms < :before_ms
    AND (planned_stop_ms, id) > (:after_ms, :after_id)
    AND (:targets IS NULL OR target IN (SELECT value FROM json_each(:targets)))
  ORDER BY planned_stop_ms, id
  LIMIT :limit
)
LEFT JOIN parts ON run_id = id
ORDER BY planned_stop_ms, id, number;

-- name: insert_run
-- Add a run unless its occurrence has one.
INSERT INTO runs (
  schedule_id, slot, target, name, planned_start_ms, planned_stop_ms, status, outcome, reason,
  sentence, blocker, since_ms, finished_at_ms
)
VALUES (
  :schedule_id, :slot, :target, :name, :planned_start_ms, :planned_stop_ms, :status, :outcome,
  :reason, :sentence, :blocker, :since_ms, :finished_at_ms
)
ON CONFLICT (schedule_id, slot) DO NOTHING;

-- name: move_run
-- Replace a run, but not whose occurrence it is, if its status still is what it was.
UPDATE runs
SET
  target = :target,
  name = :name,
  planned_start_ms = :planned_start_ms,
  planned_stop_ms = :planned_stop_ms,
  status = :status,
  outcome = :outcome,
  reason = :reason,
  sentence = :sentence,
  blocker = :blocker,
  since_ms = :since_ms,
  finished_at_ms = :finished_at_ms
WHERE id = :id AND status = :was
RETURNING id;

-- name: list_recent_parts
-- Give the newest parts of a target that saw data, newest first.
SELECT parts.*
FROM runs
JOIN parts ON parts.run_id = runs.id
WHERE runs.target = :target AND parts.first_data_at_ms IS NOT NULL
ORDER BY runs.planned_start_ms DESC, runs.id DESC, parts.number DESC
LIMIT :limit;

-- name: put_part
-- Add a part or replace the one of that run and number.
INSERT INTO parts (
  run_id, number, input, piece_start_ms, piece_stop_ms, token, commanded_at_ms, lead_ms,
  spread_ms, first_data_at_ms, last_data_at_ms, stopped_at_ms, reference, files, bytes,
  end_reason, detail
)
VALUES (
  :run_id, :number, :input, :piece_start_ms, :piece_stop_ms, :token, :commanded_at_ms, :lead_ms,
  :spread_ms, :first_data_at_ms, :last_data_at_ms, :stopped_at_ms, :reference, :files, :bytes,
  :end_reason, :detail
)
ON CONFLICT (run_id, number) DO UPDATE
SET
  input = excluded.input,
  piece_start_ms = excluded.piece_start_ms,
  piece_stop_ms = excluded.piece_stop_ms,
  token = excluded.token,
  commanded_at_ms = excluded.commanded_at_ms,
  lead_ms = excluded.lead_ms,
  spread_ms = excluded.spread_ms,
  first_data_at_ms = excluded.first_data_at_ms,
  last_data_at_ms = excluded.last_data_at_ms,
  stopped_at_ms = excluded.stopped_at_ms,
  reference = excluded.reference,
  files = excluded.files,
  bytes = excluded.bytes,
  end_reason = excluded.end_reason,
  detail = excluded.detail
RETURNING number;

-- name: note_removed
-- Add to a part that one of its files is there no more, once.
UPDATE parts
SET removed = json_insert(
  removed, '$[#]', json_object('path', :path, 'at_ms', :at_ms, 'why', :why)
)
WHERE run_id = :run_id
  AND number = :number
  AND NOT EXISTS (SELECT 1 FROM json_each(removed) WHERE value ->> 'path' = :path)
RETURNING number;

-- name: get_data_version
-- Give a number that changes when another connection has written.
PRAGMA data_version;

-- name: checkpoint
-- Move what the log holds into the database as far as no reader needs it; waits for no one.
PRAGMA wal_checkpoint(PASSIVE);

-- name: settle_log
-- Move the whole log into the database and begin it anew; waits for those who read it.
PRAGMA wal_checkpoint(TRUNCATE);

-- name: list_users
-- Give every user in order of id, with its groups.
SELECT id, name, role, created_ms AS user_created_ms,
  (SELECT json_group_array(group_id) FROM memberships WHERE user_id = users.id) AS group_ids
FROM users
ORDER BY id;

-- name: get_user
-- Give one user with its groups.
SELECT id, name, role, created_ms AS user_created_ms,
  (SELECT json_group_array(group_id) FROM memberships WHERE user_id = users.id) AS group_ids
FROM users
WHERE id = :id;

-- name: get_user_named
-- Give the user of a name with its groups.
SELECT id, name, role, created_ms AS user_created_ms,
  (SELECT json_group_array(group_id) FROM memberships WHERE user_id = users.id) AS group_ids
FROM users
WHERE name = :name;

-- name: get_password
-- Give the hash of a user's password.
SELECT password FROM users WHERE id = :id;

-- name: insert_user
-- Add a user.
INSERT INTO users (name, role, password, created_ms)
VALUES (:name, :role, :password, :created_ms)
RETURNING id;

-- name: update_password
-- Replace the hash of a user's password.
UPDATE users SET password = :password WHERE id = :id RETURNING id;

-- name: delete_user
-- Remove a user; keys and memberships go with it.
DELETE FROM users WHERE id = :id RETURNING id;

-- name: list_groups
-- Give every group in order of id.
SELECT id, name FROM groups ORDER BY id;

-- name: get_group_named
-- Give the group of a name.
SELECT id, name FROM groups WHERE name = :name;

-- name: insert_group
-- Add a group where there is none of that name.
INSERT INTO groups (name) VALUES (:name) ON CONFLICT DO NOTHING RETURNING id;

-- name: insert_membership
-- Make a user a member of a group, once.
INSERT INTO memberships (user_id, group_id)
VALUES (:user_id, :group_id)
ON CONFLICT DO NOTHING
RETURNING user_id;

-- name: get_key
-- Give a key by its public half.
SELECT * FROM keys WHERE purpose = :purpose AND public = :public;

-- name: get_key_of_digest
-- Give the key whose secret has a digest, with its user.
SELECT keys.*, users.id, users.name, users.role, users.created_ms AS user_created_ms,
  (SELECT json_group_array(group_id) FROM memberships WHERE user_id = users.id) AS group_ids
FROM keys JOIN users ON users.id = keys.user_id
WHERE digest = :digest;

-- name: insert_key
-- Add a key.
INSERT INTO keys (purpose, public, user_id, digest, salt, created_ms, expires_ms)
VALUES (:purpose, :public, :user_id, :digest, :salt, :created_ms, :expires_ms)
RETURNING user_id;

-- name: list_keys_of_user
-- Give the keys of a user, the oldest first.
SELECT * FROM keys INDEXED BY keys_by_user WHERE user_id = :user_id ORDER BY created_ms, public;

-- name: delete_key
-- Forget the key of a public half, whatever it is for.
DELETE FROM keys WHERE public = :public RETURNING user_id;

-- name: delete_keys_of_user
-- Forget every key of a user.
DELETE FROM keys WHERE user_id = :user_id RETURNING user_id;

-- name: delete_expired_keys
-- Forget the keys that have expired.
DELETE FROM keys WHERE expires_ms <= :now_ms RETURNING user_id;

-- name: get_token
-- Give the code or token of a digest, with its user.
SELECT oauth_tokens.*, users.id, users.name, users.role, users.created_ms AS user_created_ms,
  (SELECT json_group_array(group_id) FROM memberships WHERE user_id = users.id) AS group_ids
FROM oauth_tokens JOIN users ON users.id = oauth_tokens.user_id
WHERE digest = :digest;

-- name: insert_token
-- Add a code or a token.
INSERT INTO oauth_tokens (
  digest, kind, grant_id, client, user_id, scope, redirect_uri, created_ms, expires_ms, spent_ms
)
VALUES (
  :digest, :kind, :grant_id, :client, :user_id, :scope, :redirect_uri, :created_ms, :expires_ms,
  :spent_ms
)
RETURNING user_id;

-- name: spend_token
-- Note that a code or a refresh token was used, once.
UPDATE oauth_tokens SET spent_ms = :at_ms
WHERE digest = :digest AND spent_ms IS NULL
RETURNING user_id;

-- name: delete_token
-- Forget one token.
DELETE FROM oauth_tokens WHERE digest = :digest RETURNING user_id;

-- name: delete_tokens_of_grant
-- Forget all that came of one grant.
DELETE FROM oauth_tokens WHERE grant_id = :grant_id RETURNING user_id;

-- name: delete_tokens_of_user
-- Forget every token that acts as a user.
DELETE FROM oauth_tokens WHERE user_id = :user_id RETURNING user_id;

-- name: delete_expired_tokens
-- Forget the tokens that have expired.
DELETE FROM oauth_tokens WHERE expires_ms <= :now_ms RETURNING user_id;

-- name: delete_oldest_tokens
-- Forget all but the newest tokens of a client.
DELETE FROM oauth_tokens
WHERE digest IN (
  SELECT digest FROM oauth_tokens
  WHERE purpose = 'ibm' AND client = :client
  ORDER BY created_ms DESC, digest
  LIMIT -1 OFFSET :keep
)
RETURNING user_id;

-- name: list_redirects
-- Give the addresses to which the codes of a client may be sent.
SELECT uri FROM oauth_redirects WHERE purpose = 'ibm' AND client = :client ORDER BY uri;

-- name: insert_redirect
-- Register an address of a client, once.
INSERT INTO oauth_redirects (client, uri)
VALUES (:client, :uri)
ON CONFLICT DO NOTHING
RETURNING 1;

-- name: get_request
-- Give what a request has booked.
SELECT schedules.*, requests.fingerprint
FROM requests JOIN schedules ON schedules.id = requests.schedule_id
WHERE requests.caller = :caller AND requests.key = :key;

-- name: insert_request
-- Note what a request has booked.
INSERT INTO requests (caller, key, fingerprint, schedule_id, created_ms)
VALUES (:caller, :key, :fingerprint, :schedule_id, :created_ms)
RETURNING schedule_id;

-- name: delete_old_requests
-- Forget what requests have booked before an instant.
DELETE FROM requests WHERE created_ms < :before_ms RETURNING schedule_id;

-- name: list_entries_within
-- Give the one-shots of a target, booked as instants, of a period, the first to start first.
SELECT * FROM schedules
WHERE id IN (
    SELECT id FROM schedules INDEXED BY schedules_by_start
    WHERE target = :target AND start_ms > :start_ms - 43200000 AND start_ms < :start_ms
      AND start_ms + duration_ms > :start_ms
    UNION ALL
    SELECT id FROM schedules INDEXED BY schedules_long
    WHERE target = :target AND start_ms > :start_ms - 2678400000 AND start_ms < :start_ms
      AND start_ms + duration_ms > :start_ms AND duration_ms > 43200000
    UNION ALL
    SELECT schedule_id FROM overrides INDEXED BY overrides_by_stop
    CROSS JOIN schedules ON id = schedule_id
    WHERE stop_ms > :start_ms AND target = :target AND start_ms < :start_ms
    UNION ALL
    SELECT id FROM (
      SELECT id FROM schedules INDEXED BY schedules_by_start
      WHERE target = :target AND start_ms >= :start_ms AND start_ms < :stop_ms
        AND (:ended OR ended_ms IS NULL OR ended_ms > start_ms)
      ORDER BY start_ms, id
      LIMIT :limit
    )
  )
  AND (:ended OR ended_ms IS NULL OR ended_ms > start_ms)
ORDER BY start_ms, id;

-- name: list_wall_times_within
-- Give the series of a target, and its one-shots booked as wall times around a period, by id.
SELECT * FROM schedules
WHERE id IN (
    SELECT id FROM schedules INDEXED BY schedules_repeating
    WHERE target = :target AND frequency IS NOT NULL AND start_local < :to_local
    UNION ALL
    SELECT id FROM schedules INDEXED BY schedules_by_wall
    WHERE target = :target AND start_local > :from_local AND start_local < :to_local
      AND frequency IS NULL
  )
  AND (ended_ms IS NULL OR ended_ms > :since_ms)
ORDER BY id;

-- name: list_entries_changed
-- Give the one-shots of a target, booked as instants, that changed after an instant, in that order.
SELECT * FROM schedules INDEXED BY schedules_by_change
WHERE target = :target AND modified_ms > :after_ms AND start_ms IS NOT NULL
ORDER BY modified_ms, id
LIMIT :limit;

-- name: get_entry
-- Give a schedule of a target by its uid.
SELECT * FROM schedules WHERE uid = :uid AND target = :target;

-- name: list_entries_of_external_id
-- Give the schedules of a target that a client calls by an id of its own, the last to start first.
SELECT * FROM schedules INDEXED BY schedules_by_external_id
WHERE target = :target AND external_id = :external_id AND external_id <> ''
ORDER BY start_ms DESC, id DESC;

-- name: list_batch
-- Give the schedules that were booked in one go, by start.
SELECT * FROM schedules INDEXED BY schedules_by_batch
WHERE batch = :batch AND batch IS NOT NULL
ORDER BY start_ms, id;

-- name: end_schedules
-- Remove the schedules whose ids are in a JSON list, and say what took their place, if anything did.
UPDATE schedules
SET
  revision = (SELECT revision FROM meta),
  ended_ms = :now_ms,
  modified_ms = :now_ms,
  replaced_by = :replaced_by
WHERE id IN (SELECT value FROM json_each(:ids))
RETURNING id;

-- name: list_assets
-- Give the assets that were not removed, in order of name.
SELECT * FROM assets WHERE removed_ms IS NULL ORDER BY name, id;

-- name: list_assets_of_ids
-- Give the assets, removed or not, whose ids are in a JSON list.
SELECT * FROM assets WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id;

-- name: put_asset
-- Add an asset, or replace the one of that id.
INSERT INTO assets (id, name, path, duration_ms, breaks_ms, streams, created_ms, removed_ms, ad)
VALUES (:id, :name, :path, :duration_ms, :breaks_ms, :streams, :created_ms, :removed_ms, :ad)
ON CONFLICT (id) DO UPDATE
SET
  name = excluded.name,
  path = excluded.path,
  duration_ms = excluded.duration_ms,
  breaks_ms = excluded.breaks_ms,
  streams = excluded.streams,
  removed_ms = excluded.removed_ms,
  ad = excluded.ad
RETURNING created_ms;

-- name: list_uses_of_asset
-- Give the schedules that were not removed, of an asset, and that may end after an instant.
SELECT * FROM schedules INDEXED BY schedules_by_asset
WHERE content_kind = 'asset'
  AND content_id = :asset
  AND ended_ms IS NULL
  AND (start_ms IS NULL OR start_ms + duration_ms > :now_ms)
ORDER BY id;

-- name: list_playlists
-- Give every playlist, in the order in which they were made.
SELECT * FROM playlists ORDER BY created_ms, id;

-- name: get_playlist
-- Give one playlist.
SELECT * FROM playlists WHERE id = :id;

-- name: put_playlist
-- Add a playlist, or replace the one of that id.
INSERT INTO playlists (
  id, owner, description, active, repeats, break_s, ad_slate_fill, skip_drm, studio_drm_required,
  items, created_ms, modified_ms
)
VALUES (
  :id, :owner, :description, :active, :repeats, :break_s, :ad_slate_fill, :skip_drm,
  :studio_drm_required, :items, :created_ms, :modified_ms
)
ON CONFLICT (id) DO UPDATE
SET
  description = excluded.description,
  active = excluded.active,
  repeats = excluded.repeats,
  break_s = excluded.break_s,
  ad_slate_fill = excluded.ad_slate_fill,
  skip_drm = excluded.skip_drm,
  studio_drm_required = excluded.studio_drm_required,
  items = excluded.items,
  modified_ms = excluded.modified_ms
RETURNING created_ms;

-- name: delete_playlist
-- Remove a playlist; what was booked from it stays.
DELETE FROM playlists WHERE id = :id RETURNING created_ms;
