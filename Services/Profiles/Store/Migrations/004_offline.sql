-- Who is offline, the last to leave first: whoever looks for them in this order need not pass all who are there.
create index presences_offline_by_activity on presences (active_at desc, member_id desc)
  where visible_to = 'everyone' and status = 'offline';
