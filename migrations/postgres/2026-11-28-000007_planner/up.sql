-- Every event updates these few rows. A low fill factor leaves room for the next version of a row on the same page, so
-- that its index entries do not change. (The SQLite migration sets planner statistics, which PostgreSQL collects
-- automatically.)
ALTER TABLE workspaces SET (fillfactor = 50);
ALTER TABLE view_counts SET (fillfactor = 50);
ALTER TABLE read_counts SET (fillfactor = 50);
ALTER TABLE slot_counts SET (fillfactor = 50);
