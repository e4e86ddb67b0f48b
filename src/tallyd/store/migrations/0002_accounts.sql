-- Who may use the HTTP interfaces, and which requests were carried out already.

-- One who asks. `password` is an argon2 hash. Names differ in more than the case of their letters.
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 64),
  role TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
  password TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE groups (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 64)
) STRICT;

CREATE TABLE memberships (
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;

-- What was given out to programs. Of a secret there is its SHA-256 (`digest`), or, where the other
-- side proves by a signature that it knows it, what it is derived from (`salt`): never itself.
CREATE TABLE keys (
  purpose TEXT NOT NULL CHECK (purpose IN ('login', 'native', 'ibm', 'uplynk')),
  public TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  digest TEXT UNIQUE CHECK (length(digest) = 64),
  salt TEXT,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER,
  PRIMARY KEY (purpose, public),
  CHECK ((digest IS NULL) <> (salt IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_user ON keys (user_id);
CREATE INDEX keys_by_expiry ON keys (expires_ms) WHERE expires_ms IS NOT NULL;

-- Bookings that carried a key of their own (`Idempotency-Key`): what was asked, what came of it.
CREATE TABLE requests (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  schedule_id INTEGER NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
