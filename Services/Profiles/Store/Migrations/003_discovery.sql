-- One row for each member who can be found: what can be asked for, in the form in which it is asked for. Whatever changes
-- a profile, its skills or its presence writes this row anew in the same transaction.
create table listings (
  member_id uuid primary key,
  listed_to text not null check (listed_to in ('everyone', 'contacts')),
  -- What everybody may find the member by: skill:guitar, place:berlin, status:online, …
  terms text[] not null,
  -- What contacts may find the member by besides.
  contact_terms text[] not null default '{}',
  -- Whether contacts are told more than others are; then the member is shown to each of them by other rules.
  tells_contacts_more boolean not null,
  document tsvector not null,
  sort_name text collate "C" not null,
  rating smallint not null,
  standing smallint not null
);

-- Statistics on more terms than the usual hundred: the planner must know a common skill from a rare one.
alter table listings alter column terms set statistics 1000;
alter table listings alter column document set statistics 1000;

-- Terms and words lie in one index, so that PostgreSQL intersects them before it looks at rows. Without a pending list,
-- which every search would read through.
create index listings_by_content on listings using gin (terms, document) with (fastupdate = off);
create index listings_by_standing on listings (standing desc, member_id desc);
create index listings_by_rating on listings (rating desc, member_id desc);
create index listings_by_name on listings (sort_name, member_id);
create index listings_telling_contacts on listings (member_id) where tells_contacts_more;
