-- How far the search index has come stands with those that wait for it, so that it does not wait for whoever writes to a
-- conversation, nor they for it.
alter table search_backlog add column indexed_seq bigint;
update search_backlog b set indexed_seq = c.indexed_seq from conversations c where c.id = b.conversation_id;
alter table search_backlog alter column indexed_seq set not null;
alter table conversations drop column indexed_seq;
