-- Who members are to others. A profile comes into being when identity tells of the member.
create table profiles (
  member_id uuid primary key,
  email text,
  email_verified boolean not null default false,
  first_name text not null,
  last_name text not null,
  bio text,
  location text,
  timezone text,
  languages text[] not null default '{}',
  learning_style text check (learning_style in ('visual', 'auditory', 'reading', 'kinesthetic')),
  preferences jsonb not null default '{"hours":[]}',
  privacy jsonb not null default '{"listed":"everyone","location":"everyone","learning":"everyone"}',
  -- The digest of the picture.
  avatar text,
  -- A member who is suspended or banned is shown to nobody.
  is_shut_out boolean not null default false,
  created_at timestamptz not null,
  version integer not null default 1
);

create index profiles_by_avatar on profiles (avatar) where avatar is not null;

-- What members offer and want. Whoever changes it holds the lock on the profile.
create table member_skills (
  id uuid primary key,
  member_id uuid not null references profiles on delete cascade,
  skill_id uuid not null,
  kind text not null check (kind in ('teaching', 'learning')),
  proficiency smallint not null check (proficiency between 0 and 100),
  description text,
  verified_at timestamptz,
  unique (member_id, skill_id, kind)
);

-- Who has blocked whom, as messaging tells.
create table blocks (
  member_id uuid not null,
  blocked_id uuid not null,
  primary key (member_id, blocked_id)
);
create index blocks_by_blocked on blocks (blocked_id);

-- Who is in which conversation, as messaging tells: who shares one is a contact.
create table participants (
  conversation_id uuid not null,
  member_id uuid not null,
  primary key (conversation_id, member_id)
);
create index participants_by_member on participants (member_id);

-- How fast providers answer, as messaging tells.
create table response_metrics (
  member_id uuid primary key,
  rate_percent double precision,
  average_minutes double precision,
  is_hidden boolean not null
);

-- Whether members are there, as presence tells. What is not confirmed in time lapses: nobody stays there for ever because
-- an event is missing.
create table presences (
  member_id uuid primary key,
  status text not null check (status in ('online', 'away', 'busy', 'offline')),
  visible_to text not null check (visible_to in ('everyone', 'contacts', 'nobody')),
  active_at timestamptz,
  version bigint not null,
  lapses_at timestamptz not null
);
create index presences_lapsing on presences (lapses_at) where status <> 'offline';
create index presences_by_activity on presences (active_at desc, member_id desc) where visible_to = 'everyone';
