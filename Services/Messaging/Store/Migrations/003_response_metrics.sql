-- Questions of clients that providers have answered.
create table response_samples (
  conversation_id uuid not null references conversations on delete cascade,
  asked_seq bigint not null,
  provider_id uuid not null,
  asked_at timestamptz not null,
  answered_at timestamptz not null,
  primary key (conversation_id, asked_seq)
);
create index response_samples_by_provider on response_samples (provider_id, asked_at);
create index response_samples_by_age on response_samples (asked_at);

-- What comes of it, worked out anew when it changes.
create table response_metrics (
  member_id uuid primary key,
  samples integer not null default 0,
  response_rate double precision,
  average_seconds double precision,
  median_seconds double precision,
  updated_at timestamptz,
  is_hidden boolean not null default false
);

-- The hours in which a provider need not answer, in their own time zone.
create table quiet_hours (
  member_id uuid primary key,
  starts_at integer not null,
  ends_at integer not null,
  timezone text not null
);
