create or replace function access.lease() returns interval
language sql immutable
as $$ select interval '15 seconds' $$;

comment on function access.lease() is 'How long a session holds its license without a sign of life.';
