-- What the deploy tool itself stands on: the roles and its own records. Idempotent; run before every
-- deploy that has something to do, by the connecting superuser (or a role with CREATEROLE).

-- Roles belong to the whole cluster, so a deploy of another database may create them at the same moment.
do $$
declare
  v_role text;
  v_can  text;
begin
  for v_role, v_can in
    values ('ecp_owner', 'nologin'),
         ('ecp_gateway', 'login'),
         ('ecp_api', 'login'),
         ('ecp_operator', 'login'),
         ('ecp_analyst', 'login'),
         ('ecp_auditor', 'login'),
         ('ecp_tenant', 'nologin'),
         ('ecp_reader', 'nologin')
  loop
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
      begin
        execute format('create role %I %s', v_role, v_can);
      exception
        when duplicate_object or unique_violation then
          null;
      end;
    end if;
  end loop;

  -- The API speaks for tenants, one a transaction; and the owner makes the views that the reader owns.
  for v_role, v_can in values ('ecp_tenant', 'ecp_api'), ('ecp_reader', 'ecp_owner') loop
    if not pg_catalog.pg_has_role(v_can, v_role, 'member') then
      begin
        execute format('grant %I to %I', v_role, v_can);
      exception
        when unique_violation then
          null;
      end;
    end if;
  end loop;
  -- The runbooks look at sessions, locks and sizes, end a session that is in the way, and vacuum. Who may not grant that deploys
  -- without it.
  for v_role in values ('pg_monitor'), ('pg_signal_backend'), ('pg_maintain') loop
    if not pg_catalog.pg_has_role('ecp_operator', v_role, 'usage') then
      begin
        execute format('grant %I to ecp_operator', v_role);
      exception
        when insufficient_privilege or unique_violation or internal_error then
          null;
      end;
    end if;
  end loop;

  if not pg_catalog.pg_has_role(current_user, 'ecp_owner', 'set') then
    grant ecp_owner to current_user;
  end if;
  if not pg_catalog.has_database_privilege('ecp_owner', current_database(), 'create') then
    execute format('grant create on database %I to ecp_owner', current_database());
  end if;
  -- Compiling a statement takes longer than any of ours runs; and before PostgreSQL 18 a plan in which something is
  -- disabled, as many of our functions want it, counts as so costly that each call would be compiled.
  execute format('alter database %I set jit = off', current_database());
  -- ANALYZE sorts 300 values of every column for each unit of this: at the default of 100 it takes a core from the signals
  -- for half a second. The plans of the hot path are forced and need no more.
  execute format('alter database %I set default_statistics_target = 10', current_database());
  -- What people write by hand is cut off before it is a burden.
  execute format('alter role ecp_analyst in database %I set default_transaction_read_only = on', current_database());
  execute format('alter role ecp_analyst in database %I set statement_timeout = %L', current_database(), '30s');
  execute format('alter role ecp_analyst in database %I set lock_timeout = %L', current_database(), '1s');
  execute format('alter role ecp_analyst in database %I set idle_in_transaction_session_timeout = %L', current_database(), '1min');
  execute format('alter role ecp_analyst in database %I set max_parallel_workers_per_gather = 0', current_database());
  -- What everybody could fill the disk with, and nobody here needs.
  if (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
    execute format('alter role ecp_analyst in database %I set temp_file_limit = %L', current_database(), '2GB');
    execute format('revoke temporary on database %I from public', current_database());
    revoke execute on function
      pg_catalog.lo_creat(integer),
      pg_catalog.lo_create(oid),
      pg_catalog.lo_from_bytea(oid, bytea),
      pg_catalog.lo_put(oid, bigint, bytea),
      pg_catalog.lowrite(integer, bytea)
    from public;
    -- Our functions keep out of each other's way by these; whoever else held such a lock would hold up a job, or a deploy.
    execute (
      select string_agg(
        format(
          'revoke execute on function %1$s from public; grant execute on function %1$s to ecp_owner', p.oid::pg_catalog.regprocedure
        ), '; '
      )
      from pg_catalog.pg_proc as p
      where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace and p.proname ~ '^pg_(try_)?advisory_'
    );
  end if;
end
$$;

-- Global, not per schema: a default of one schema can only add to what PUBLIC has, never take it away.
alter default privileges for role ecp_owner revoke execute on functions from public;

set role ecp_owner;

create schema if not exists ops;
comment on schema ops is 'Deployment, jobs, and what operators run.';

create table if not exists ops.migrations (
  name       text        not null,
  sha256     text        not null,
  applied_at timestamptz not null default now(),
  constraint migrations_pk primary key (name)
);
comment on table ops.migrations is 'Migrations that were applied, with the hash of their text at that time.';

create table if not exists ops.objects (
  path       text not null,
  sha256     text not null,
  definition text,
  constraint objects_pk primary key (path)
);
comment on table ops.objects is
  'Files of db/functions and db/policies as last applied; delete a row to make the next deploy overwrite what was changed by hand.';
comment on column ops.objects.definition is
  'Hash of what the catalog said right after the file was applied; when the catalog says otherwise, somebody changed it by hand.';

create table if not exists ops.deployment (
  singleton   boolean     not null default true,
  fingerprint text        not null,
  deployed_at timestamptz not null default now(),
  constraint deployment_pk primary key (singleton),
  constraint deployment_one_row check (singleton)
);
comment on table ops.deployment is 'The version of db/ that this database is at: one row.';
comment on column ops.deployment.fingerprint is 'Hash over every file of db/; a gateway compares it with its own.';

reset role;
