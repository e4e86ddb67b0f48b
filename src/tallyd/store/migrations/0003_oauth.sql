-- What OAuth has given to programs: a client is a key whose purpose is 'ibm', its id the public half.

-- Codes and tokens, by their SHA-256. What came of one consent, or of one request by a client for
-- itself, shares `grant_id`. A code or a refresh token that was used is `spent`, and stays until it
-- would have expired: whoever shows it again is noticed.
CREATE TABLE oauth_tokens (
  digest TEXT PRIMARY KEY NOT NULL CHECK (length(digest) = 64),
  kind TEXT NOT NULL CHECK (kind IN ('code', 'access', 'refresh')),
  grant_id TEXT NOT NULL,
  purpose TEXT NOT NULL DEFAULT 'ibm' CHECK (purpose = 'ibm'),
  client TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  scope TEXT NOT NULL,
  redirect_uri TEXT,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  spent_ms INTEGER,
  FOREIGN KEY (purpose, client) REFERENCES keys (purpose, public) ON DELETE CASCADE,
  CHECK ((kind = 'code') = (redirect_uri IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_tokens_by_grant ON oauth_tokens (grant_id);
CREATE INDEX oauth_tokens_by_client ON oauth_tokens (purpose, client, created_ms);
CREATE INDEX oauth_tokens_by_user ON oauth_tokens (user_id);
CREATE INDEX oauth_tokens_by_expiry ON oauth_tokens (expires_ms);

-- The addresses to which the codes of a client may be sent.
CREATE TABLE oauth_redirects (
  purpose TEXT NOT NULL DEFAULT 'ibm' CHECK (purpose = 'ibm'),
  client TEXT NOT NULL,
  uri TEXT NOT NULL,
  PRIMARY KEY (purpose, client, uri),
  FOREIGN KEY (purpose, client) REFERENCES keys (purpose, public) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
