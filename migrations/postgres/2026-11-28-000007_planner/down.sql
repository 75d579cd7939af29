ALTER TABLE workspaces RESET (fillfactor);
ALTER TABLE view_counts RESET (fillfactor);
ALTER TABLE read_counts RESET (fillfactor);
ALTER TABLE slot_counts RESET (fillfactor);
