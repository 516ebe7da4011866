-- A license through its life: issued, held, taken over, rotated, revoked.
\set QUIET on
\pset null '-'
\pset footer off

select access.create_account('carol', array['provider']) as account \gset
select license_id, token from access.issue_license(:account, 'publish', array['127.0.0.0/8']::cidr[]) \gset

-- Its terminal connects. The instance is random bytes that the terminal keeps.
select code, account, purpose, lease_ms from access.open_session(:'token', '\xaa', '127.0.0.1', 'gateway 1', 'terminal');

-- A second terminal with the same license is refused while the first one lives: two copiers would trade twice.
select code from access.open_session(:'token', '\xbb', '127.0.0.1', 'gateway 2', 'another terminal');

-- The first one, back after a lost connection, takes its own session over at once.
select code, account from access.open_session(:'token', '\xaa', '127.0.0.1', 'gateway 2', 'terminal');

-- From a network that is not on the list nobody connects, and a token that was never issued is just unknown.
select code from access.open_session(:'token', '\xaa', '192.0.2.7', 'gateway 1', 'terminal');
select code from access.open_session('ecp_guess', '\xaa', '127.0.0.1', 'gateway 1', 'stranger');

-- What the holder of a real secret was refused is kept.
select code, peer from access.refusals order by refusal_id;

-- Rotated, both work for the overlap; revoked, the old one and its session end at once.
select token as next_token from access.rotate_license(:'license_id', interval '1 hour') \gset
select code, account from access.open_session(:'next_token', '\xcc', '127.0.0.1', 'gateway 1', 'terminal');
select access.revoke_license(:'license_id') as revoked \gset
select code from access.open_session(:'token', '\xaa', '127.0.0.1', 'gateway 1', 'terminal');
select ended_by, count(*) from access.sessions group by ended_by order by ended_by;
