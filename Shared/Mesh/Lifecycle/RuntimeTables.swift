import Postgres

/// The runtime's own tables, in every service's schema beside the service's.
enum RuntimeTables {
  /// Where it is recorded which of these were made.
  static let record = "mesh_migrations"

  static let migrations = [
    Migration(
      name: "001_answers",
      sql: """
        -- What was answered to requests that change something. The answer is sealed, with the digest of the request.
        create table mesh_answers (
          key uuid primary key,
          is_key_from_client boolean not null,
          answer bytea not null,
          answered_at timestamptz not null default now()
        );
        create index mesh_answers_by_age on mesh_answers using brin (answered_at);
        """),
    Migration(
      name: "002_outbox",
      sql: """
        -- The version of each aggregate that has published anything. Its row is the lock that keeps versions gapless.
        create table mesh_versions (
          subject uuid primary key,
          version bigint not null
        );
        -- Every event of the last days, in the commit of the change it tells.
        create table mesh_outbox (
          id uuid not null,
          name text not null,
          subject uuid not null,
          version bigint not null,
          payload text not null,
          traceparent text,
          occurred_at timestamptz not null,
          primary key (id, occurred_at)
        ) partition by range (occurred_at);
        create index mesh_outbox_by_subject on mesh_outbox (subject, version);
        -- Events that nobody has seen acknowledged by Kafka. From due_at on, the relay may publish them.
        create table mesh_unpublished (
          id uuid primary key,
          occurred_at timestamptz not null,
          due_at timestamptz not null
        );
        """),
    Migration(
      name: "003_inbox",
      sql: """
        -- How far the events of each aggregate of each source have taken effect here.
        create table mesh_inbox (
          source text not null,
          subject uuid not null,
          version bigint not null,
          has_parked boolean not null default false,
          primary key (source, subject)
        );
        -- Events that wait: for an earlier one, or (with a reason) for somebody to repair what they fail at.
        create table mesh_parked (
          source text not null,
          subject uuid not null,
          version bigint not null,
          id uuid not null,
          name text not null,
          payload text not null,
          traceparent text,
          occurred_at timestamptz not null,
          reason text,
          attempts integer not null default 0,
          parked_at timestamptz not null default now(),
          primary key (source, subject, version)
        );
        """),
    Migration(
      name: "004_timers",
      sql: """
        -- What is to be done at a later time. With a reason it has failed for good and waits to be repaired.
        create table mesh_timers (
          name text not null,
          key text not null,
          due_at timestamptz not null,
          payload text not null,
          traceparent text,
          attempts integer not null default 0,
          reason text,
          primary key (name, key)
        );
        create index mesh_timers_due on mesh_timers (due_at) where reason is null;
        """),
    Migration(
      name: "005_shared_state",
      sql: """
        -- The last value of each key of the service's compacted topics; null for one that is to go. Of a key whose version
        -- is above the published one, the holder of the lease is publishing the value.
        create table mesh_shared_state (
          topic text not null,
          key text not null,
          version bigint not null default 1,
          value text,
          published bigint not null default 0,
          leased_until timestamptz,
          primary key (topic, key)
        );
        create index mesh_shared_state_due on mesh_shared_state (topic) where version > published;
        """),
    Migration(
      name: "006_pushes",
      sql: """
        -- Pushes that nobody has seen acknowledged by Kafka. From due_at on, the relay may send them. The body is sealed.
        create table mesh_pushes (
          id uuid primary key,
          channel text not null,
          head bytea not null,
          body bytea not null,
          due_at timestamptz not null
        );
        """),
    Migration(
      name: "007_dead_timers",
      sql: """
        create index mesh_timers_dead on mesh_timers (name) where reason is not null;
        """),
  ]
}
