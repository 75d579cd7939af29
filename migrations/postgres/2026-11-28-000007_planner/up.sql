-- The few rows that every event updates have room beside them for their next version, so that none of their indexes
-- changes. (What SQLite is told here, PostgreSQL finds out by itself.)
ALTER TABLE workspaces SET (fillfactor = 50);
ALTER TABLE view_counts SET (fillfactor = 50);
ALTER TABLE read_counts SET (fillfactor = 50);
ALTER TABLE slot_counts SET (fillfactor = 50);
