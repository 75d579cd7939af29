DROP TABLE pending_numbers;
