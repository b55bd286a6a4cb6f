-- The blind index. A tag stands for one word in one conversation: nobody without the conversation's key can tell which, or
-- that two conversations share a word. The messages of a conversation stand in blocks of 64; the bits of a row say in which
-- of them the word occurs. What is found is checked after it was opened, so a bit too many does no harm.
create table search_words (
  tag bigint not null,
  block bigint not null,
  hits bigint not null,
  -- When the first and the last of these messages were sent.
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- Searches read the index alone: the rows of one word lie all over the table.
  primary key (tag, block) include (hits, first_at, last_at)
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);

-- Conversations whose newest messages are not in the index yet.
create table search_backlog (
  conversation_id uuid primary key references conversations on delete cascade
);
