-- Who is a member, and whether they are let in.
create table members (
  id uuid primary key,
  email text not null unique,
  first_name text not null,
  last_name text not null,
  role text not null check (role in ('member', 'moderator', 'admin')),
  password_hash text not null,
  registered_at timestamptz not null,
  email_verified_at timestamptz,
  suspended_until timestamptz,
  is_banned boolean not null default false,
  shut_out_reason text
);

-- Where members are signed in: each row is a family of refresh tokens. The current token is kept sealed beside its digest,
-- to be given again when an answer was lost.
create table sessions (
  id uuid primary key,
  member_id uuid not null references members on delete cascade,
  device_name text,
  signed_in_at timestamptz not null,
  current_digest bytea not null,
  current_sealed bytea not null,
  previous_digest bytea,
  rotated_at timestamptz not null,
  ended_at timestamptz,
  end_cause text
);
create index sessions_open on sessions (member_id) where ended_at is null;
create index sessions_by_use on sessions (rotated_at);

-- Mailed tokens that have not been used, by their digests.
create table one_time_tokens (
  digest bytea primary key,
  member_id uuid not null references members on delete cascade,
  purpose text not null,
  expires_at timestamptz not null
);
create index one_time_tokens_by_member on one_time_tokens (member_id);
create index one_time_tokens_by_expiry on one_time_tokens (expires_at);

-- Attempts to sign in and the like, by the digest of what is tried on.
create table attempts (
  subject bytea primary key,
  attempts integer not null,
  last_at timestamptz not null
);
create index attempts_by_age on attempts (last_at);

-- The keys that access tokens are signed with; the secret halves are sealed.
create table signing_keys (
  id text primary key,
  sealed_seed bytea not null,
  signs_from timestamptz not null
);

-- Mail that is to be sent. The token in it is made when it is sent, so that none is stored. One with a reason was given up.
create table mails (
  member_id uuid not null references members on delete cascade,
  purpose text not null,
  due_at timestamptz not null,
  attempts integer not null default 0,
  reason text,
  primary key (member_id, purpose)
);
create index mails_due on mails (due_at) where reason is null;

-- In development, the mail that would have left the machine.
create table development_mails (
  id bigint generated always as identity primary key,
  recipient text not null,
  subject text not null,
  content text not null,
  token text not null,
  sent_at timestamptz not null
);
