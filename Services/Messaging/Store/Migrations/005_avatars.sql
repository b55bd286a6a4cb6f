-- Where the members' pictures are, as profiles tells.
alter table members add avatar text;
