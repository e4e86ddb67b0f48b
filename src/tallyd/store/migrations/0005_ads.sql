-- Which files of the library are advertisements, and when the library changed: channels play it.

-- An `ad` fills the breaks of others.
ALTER TABLE assets ADD COLUMN ad INTEGER NOT NULL DEFAULT 0 CHECK (ad IN (0, 1));

-- The revision at which the library changed last.
ALTER TABLE meta ADD COLUMN assets_revision INTEGER NOT NULL DEFAULT 0;
