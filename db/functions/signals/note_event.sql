-- requires: access/may_touch core/error_registry core/fail core/now
-- What a terminal has refused beside its reports. It is about the terminal's own subscription, and moves no score of anybody else.
create or replace function signals.note_event(
  p_subscription bigint, p_code text, p_delivery_seq bigint default null, p_detail jsonb default null
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_stream bigint;
begin
  select s.lane, s.stream_id into v_lane, v_stream
  from signals.subscriptions as s
  where s.subscription_id = p_subscription and access.may_touch('subscription', p_subscription);
  if v_lane is null then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  elsif (length(p_code) between 1 and 64 and case
    when p_code like 'TR%' then p_code like 'TRG%' and p_code in (select e.code from core.error_registry() as e) else true
  end) is not true then
    perform core.fail('TRS43', jsonb_build_object('rule', 'code_of_the_guard', 'code', left(p_code, 64)));
  elsif octet_length(p_detail::text) > 4096 then
    perform core.fail('TRS43', jsonb_build_object('rule', 'detail_of_4096_bytes', 'bytes', octet_length(p_detail::text)));
  elsif jsonb_path_exists(p_detail, 'strict $.**{11}') then
    perform core.fail('TRS43', jsonb_build_object('rule', 'detail_of_10_levels'));
  end if;
  insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, subscription_id, seq, detail)
  values (v_lane, core.now(), 'GUARD', p_code, v_stream, p_subscription, p_delivery_seq, p_detail);
end
$$;

comment on function signals.note_event(bigint, text, bigint, jsonb) is
'Keeps what a subscriber''s terminal refused: a TRG code or one of the terminal''s own, with at most 4096 bytes
of detail, ten levels deep. Fails with TRS17, TRS43.';
