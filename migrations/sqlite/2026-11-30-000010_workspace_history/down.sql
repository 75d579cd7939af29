DROP INDEX events_of_workspace;
