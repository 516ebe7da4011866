-- requires: core/from_microseconds core/hmac_matches core/now trust/record
-- The only way to a new epoch: signed like a signal, so that holding the connection is not enough.
create or replace function signals.resync(
  p_lane smallint, p_session uuid, p_stream bigint, p_epoch bigint, p_sent_us bigint, p_intent bytea, p_tag bytea
) returns table (code text, epoch integer, next_seq bigint, decided_at timestamptz)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz;
  v_head signals.stream_heads;
  v_stream signals.streams;
  v_code text;
begin
  select h.* into v_head
  from signals.stream_heads as h
  where h.lane = p_lane and h.stream_id = p_stream
  for no key update;
  v_now := core.now();
  select s.* into v_stream from signals.streams as s where s.lane = p_lane and s.stream_id = p_stream;
  v_code := case
    when v_stream.stream_id is null then 'TRS10'
    when v_head.session_id is distinct from p_session then 'TRA06'
    when core.hmac_matches(v_stream.key_inner, v_stream.key_outer, p_intent, p_tag) is not true then 'TRS03'
    when p_epoch is null or p_epoch > 2147483647 or core.from_microseconds(p_sent_us) is null then 'TRS09'
    -- Signed once is not signed for ever; and an intent is told from a signal, whose third field is a small number.
    when core.from_microseconds(p_sent_us) < v_now - interval '1 minute' then 'TRS04'
    when core.from_microseconds(p_sent_us) > v_now + v_stream.max_skew then 'TRS05'
    -- Sent again because the answer was lost, and nothing has happened since: the same answer.
    when p_epoch = v_head.epoch and v_head.last_seq = 0 and p_epoch > 1 then null
    -- A counter that is lost is made up for by one step; a leap to the end would leave no epoch to go to.
    when p_epoch not between v_head.epoch + 1 and v_head.epoch + 1000 then 'TRS19'
  end;
  if v_code is null then
    update signals.stream_heads as h
    set epoch = p_epoch, last_seq = 0, gap_seq = 0
    where h.lane = p_lane and h.stream_id = p_stream
    returning h.* into v_head;
  elsif v_code <> 'TRS10' then
    insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, epoch, detail)
    values (
      p_lane, v_now, 'PLANE', v_code, p_stream, case when p_epoch between 0 and 2147483647 then p_epoch end,
      jsonb_build_object('verdict', 'RESYNC_REFUSED', 'session', p_session)
    );
    if v_code = 'TRS03' then
      perform trust.record(
        p_lane, v_now, 'signals.resync', 'provider', array[v_stream.account_id], array[v_code], array[p_stream], null, null, null
      );
    end if;
  end if;
  return query select v_code, v_head.epoch, v_head.last_seq + 1, v_now;
end
$$;

comment on function signals.resync(smallint, uuid, bigint, bigint, bigint, bytea, bytea) is
'Begins a new epoch of a stream at seq 1. code: TRS03, TRS04, TRS05, TRS09, TRS10, TRS19, TRA06, or null.';
