-- Who can take part, as identity tells; and what the operator and profiles say about them.
create table members (
  id uuid primary key,
  first_name text,
  last_name text,
  is_provider boolean not null default false
);

-- Conversations. The row is the lock under which messages get their places. Its data key is sealed by a master key.
create table conversations (
  id uuid primary key,
  kind text not null check (kind in ('direct', 'group')),
  opener_id uuid not null,
  -- The two of a direct conversation, the lower first.
  first_id uuid,
  second_id uuid,
  title text,
  metadata jsonb not null default '{}',
  sealed_key bytea not null,
  key_id bigint not null,
  last_seq bigint not null default 0,
  opened_at timestamptz not null,
  last_activity_at timestamptz not null,
  -- How far the search index has come.
  indexed_seq bigint not null default 0,
  -- Between a client and a provider: who the provider is, and the client's message that awaits an answer.
  provider_id uuid,
  asked_seq bigint,
  asked_at timestamptz,
  check ((kind = 'direct') = (first_id is not null and second_id is not null and first_id < second_id))
) with (fillfactor = 70);
create unique index conversations_by_pair on conversations (first_id, second_id) where kind = 'direct';
create index conversations_by_second on conversations (second_id) where kind = 'direct';
create index conversations_by_key on conversations (key_id);
create index conversations_by_provider on conversations (provider_id) where provider_id is not null;

-- Who takes part, and how far each has come. Receipts are watermarks: the places up to which all is delivered or read.
create table participants (
  conversation_id uuid not null references conversations on delete cascade,
  member_id uuid not null,
  role text not null check (role in ('owner', 'admin', 'member')),
  joined_at timestamptz not null,
  -- What was written up to here was before their time.
  joined_seq bigint not null,
  left_at timestamptz,
  delivered_seq bigint not null,
  read_seq bigint not null,
  is_archived boolean not null default false,
  is_muted boolean not null default false,
  is_pinned boolean not null default false,
  primary key (conversation_id, member_id)
) with (fillfactor = 70);
create index participants_by_member on participants (member_id) where left_at is null;

-- Messages by their places. The content is sealed by the conversation's key; null once the message was deleted. There is no
-- foreign key: whoever adds a message holds the conversation's lock.
create table messages (
  conversation_id uuid not null,
  seq bigint not null,
  id uuid not null,
  sender_id uuid not null,
  client_id text,
  content bytea,
  notice text check (notice in ('joined', 'left', 'retitled')),
  notice_members uuid[] not null default '{}',
  reply_to uuid,
  mentions uuid[] not null default '{}',
  version integer not null default 1,
  sent_at timestamptz not null,
  edited_at timestamptz,
  deleted_at timestamptz,
  primary key (conversation_id, seq)
);
create unique index messages_by_id on messages (id);
create unique index messages_by_client_id on messages (conversation_id, sender_id, client_id)
  where client_id is not null;

-- What messages said before they were changed, sealed likewise.
create table message_edits (
  message_id uuid not null references messages (id) on delete cascade,
  version integer not null,
  content bytea not null,
  replaced_at timestamptz not null,
  primary key (message_id, version)
);

create table reactions (
  message_id uuid not null references messages (id) on delete cascade,
  emoji text not null,
  member_id uuid not null,
  reacted_at timestamptz not null,
  primary key (message_id, emoji, member_id)
);

-- Who wants nothing to do with whom.
create table blocks (
  member_id uuid not null,
  blocked_id uuid not null,
  blocked_at timestamptz not null,
  primary key (member_id, blocked_id)
);
create index blocks_by_blocked on blocks (blocked_id);
