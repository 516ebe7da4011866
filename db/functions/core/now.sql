-- The one clock. Tests that need another time replace this function in their own database; nothing else can.
create or replace function core.now() returns timestamptz
language sql volatile parallel safe
as $$ select clock_timestamp() $$;

comment on function core.now() is 'The plane''s time (UTC): the judge of every age, lease and deadline.';
