-- Who sees what: an analyst everything there is a view of, a tenant what is its own, everybody else nothing.
\set QUIET on
\pset null '-'
\pset footer off

select access.create_account('acme', array['provider'], 0::smallint) as acme \gset
select access.create_account('zeta', array['provider'], 1::smallint) as zeta \gset
select signals.create_stream(:acme, 'acme-gold', decode(repeat('0b', 32), 'hex')) as stream \gset
select signals.create_stream(:zeta, 'zeta-oil', decode(repeat('0c', 32), 'hex')) as stream \gset
select token from access.issue_license(:acme, 'api') \gset

-- Analysts see every tenant's rows, in views, and no table.
set role ecp_analyst;
select stream, provider, status from analytics.streams order by stream;
\set ON_ERROR_STOP off
select key_inner from signals.streams;
\set ON_ERROR_STOP on

-- A tenant sees nothing before it has said who it is. The token is a parameter, so that it is in no log.
set role ecp_tenant;
select stream, provider from analytics.streams;
begin read only;
select access.act_for($1) as account \bind :token \gset
select stream, provider from analytics.streams;
commit;

-- That held for one transaction: whoever gets the connection next inherits nothing, and cannot set it either.
select stream, provider from analytics.streams;
select set_config('ecp.caller', :'zeta', false) as said \gset
select stream, provider from analytics.streams;

-- A token that was never issued is refused.
\set ON_ERROR_STOP off
select access.act_for($1) \bind 'ecp_guess' \g
