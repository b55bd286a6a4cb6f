-- What a group is called and the words that are kept with it, sealed by the conversation's key. The columns title and
-- metadata stay for replicas of the version before; what those write in them is sealed soon, and then taken out.
alter table conversations add label bytea;
create index conversations_unsealed on conversations (id) where title is not null or metadata <> '{}';
