-- Fixed planner statistics of a large database, so that query plans do not depend on the size of the database or change
-- from day to day. Without statistics the planner assumes ten conversations in a workspace, and scans all of them
-- instead of looking a few up by id. Most conversations have no assignee, so a value of assignee_id has many rows.
-- The numbers of a statistic are the rows of the index, and then the rows with equal values in its first column, its
-- first two columns, and so on.
ANALYZE store_info;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('conversations', 'sqlite_autoindex_conversations_1', '1000000 200000 1'),
    ('conversations', 'sqlite_autoindex_conversations_2', '1000000 200000 10000 1'),
    ('conversations', 'conversations_by_activity', '1000000 200000 1 1'),
    ('conversations', 'conversations_by_status', '1000000 200000 100000 1 1'),
    ('conversations', 'conversations_by_assignee', '1000000 200000 60000 1 1'),
    ('conversations', 'conversations_by_assignee_and_status', '1000000 200000 60000 30000 1 1'),
    ('conversations', 'conversations_by_assignee_and_id', '1000000 200000 60000 30000 1'),
    ('conversations', 'conversations_by_number', '1000000 200000 10000 1 1'),
    ('conversations', 'conversations_by_number_and_status', '1000000 200000 10000 5000 1 1'),
    ('conversations', 'conversations_by_waiting', '300000 60000 1 1'),
    ('conversations', 'conversations_by_unassigned', '300000 60000 1 1'),
    ('conversations', 'conversations_by_close', '500000 100000 1 1'),
    ('conversations', 'conversations_by_lease', '200000 40000 1 1 1'),
    ('conversations', 'conversations_unassigned_by_number', '300000 60000 3000 1500 1 1'),
    ('conversations', 'conversations_by_status_and_unassigned', '300000 60000 30000 1 1'),
    ('conversations', 'conversations_oldest_unassigned', '300000 60000 3000 1500 1 1'),
    ('conversations', 'conversations_oldest_waiting', '300000 60000 3000 1 1'),
    ('conversations', 'conversations_waiting_by_assignee', '300000 60000 20000 1 1'),
    ('conversations', 'conversations_by_slot', '500000 100000 5000 80');
