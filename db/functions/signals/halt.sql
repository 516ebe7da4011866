-- requires: core/fail core/now
create or replace function signals.halt(p_stream bigint, p_reason text, p_actor text, p_lift boolean default false)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_stream is null then
    update core.kill_switch
    set halted = not p_lift, reason = p_reason, actor = p_actor, changed_at = core.now()
    where singleton;
    return;
  end if;
  update signals.streams as s
  set
    status = case when p_lift then 'ACTIVE' else 'HALTED' end,
    status_by = p_actor, status_reason = p_reason, status_at = core.now()
  where s.stream_id = p_stream and s.status <> 'CLOSED';
  if not found then
    perform core.fail('TRS10', jsonb_build_object('stream', p_stream));
  end if;
  update signals.dispatch_cursors as c
  set is_halted = not p_lift
  where (c.lane, c.stream_id) in (
    select w.lane, w.stream_id from signals.dispatch_cursors as w
    where w.stream_id = p_stream
    order by w.lane
    for no key update
  );
end
$$;

comment on function signals.halt(bigint, text, text, boolean) is
'Stops everything that raises exposure, of one stream or (null) of all; p_lift ends the halt. Closes pass. Who and why
is kept with the stream or the switch. Fails with TRS10.';
