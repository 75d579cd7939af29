DROP INDEX conversations_by_close;
DROP INDEX events_by_time;
