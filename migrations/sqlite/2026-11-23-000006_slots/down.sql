DROP TABLE slot_counts;
DROP INDEX conversations_by_slot;
ALTER TABLE conversations DROP COLUMN slot;
