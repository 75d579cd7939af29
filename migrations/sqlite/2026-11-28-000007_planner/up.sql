-- What the planner is to take for granted, so that it plans for a large store at every size, and never otherwise from
-- one day to the next. Without statistics it takes a workspace for ten conversations, and rather walks all of it than
-- looks a few up by their ids. An assignee may be nobody, who has most. Rows: of the table, then with the same first, first two, … columns of the index.
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
