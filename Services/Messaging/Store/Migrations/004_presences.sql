-- Whether members are there, as those who share a conversation with them may see it. It lapses unless it is told again.
create table presences (
  member_id uuid primary key,
  status text not null,
  last_active timestamptz,
  -- Whether the member is not there, or wants to be taken for one who is not.
  is_hidden boolean not null,
  version bigint not null,
  told_at timestamptz not null
);
