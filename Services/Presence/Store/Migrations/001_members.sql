-- Members, with what they have set about themselves. The names are identity's, null until its word has come.
create table members (
  id uuid primary key,
  first_name text,
  last_name text,
  choice text check (choice in ('online', 'away', 'busy', 'offline')),
  choice_made_at timestamptz,
  choice_until timestamptz,
  do_not_disturb boolean not null default false,
  message text,
  emoji text,
  message_until timestamptz,
  show_status_to text not null default 'everyone' check (show_status_to in ('everyone', 'contacts', 'nobody')),
  hide_exact_times boolean not null default false,
  check ((choice is null) = (choice_made_at is null))
);

-- How providers are available. Quiet hours are minutes of the day by the clock of a place.
create table providers (
  member_id uuid primary key references members on delete cascade,
  max_sessions integer not null,
  accepts_online boolean not null,
  accepts_in_person boolean not null,
  quiet_start integer,
  quiet_end integer,
  quiet_timezone text,
  check ((quiet_start is null) = (quiet_end is null) and (quiet_start is null) = (quiet_timezone is null))
);

-- What others were last told of each member. It lapses like every copy of it.
create table statuses (
  member_id uuid primary key references members on delete cascade,
  status text not null check (status in ('online', 'away', 'busy', 'offline')),
  last_active timestamptz,
  visible_to text not null check (visible_to in ('everyone', 'contacts', 'nobody')),
  do_not_disturb boolean not null,
  version bigint not null,
  told_at timestamptz not null
);
create index statuses_there on statuses (member_id desc) where status <> 'offline';
create index statuses_by_telling on statuses (told_at) where status <> 'offline';

-- Who takes part in which conversation: whoever shares one is a contact.
create table participants (
  member_id uuid not null,
  conversation_id uuid not null,
  primary key (member_id, conversation_id)
);
create index participants_by_conversation on participants (conversation_id, member_id);

-- Who has blocked whom.
create table blocks (
  blocker_id uuid not null,
  blocked_id uuid not null,
  primary key (blocker_id, blocked_id)
);
