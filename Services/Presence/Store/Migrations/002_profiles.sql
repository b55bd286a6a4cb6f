-- What profiles says of members: whether they offer a skill, and where the picture is.
alter table members add is_provider boolean not null default false, add avatar text;
