-- How far the search index has come with a conversation that waits for it. It stands here so that the index does not wait
-- for whoever writes to a conversation, nor they for it; in conversations only where it stood when it last caught up.
-- Replicas of the version before leave it null.
alter table search_backlog add column indexed_seq bigint;
