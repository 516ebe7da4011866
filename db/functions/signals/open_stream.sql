-- Takes the fence of the stream for this session: from here on only it may publish. Crosses lanes (the session is in
-- the account's, the stream in its own), which is why it is a call of its own and not a part of ingest.
create or replace function signals.open_stream(p_session uuid, p_stream text)
returns table (
  code text, detail text, lane smallint, stream_id bigint, epoch integer, last_seq bigint, ttl_ms integer
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stream signals.streams;
  v_owner record;
  v_code text;
begin
  select l.account_id, l.purpose into v_owner
  from access.sessions as s
  inner join access.licenses as l on l.license_id = s.license_id
  where s.session_id = p_session and s.ended_at is null
  for share of s;
  select s.* into v_stream from signals.streams as s where s.name = p_stream and s.account_id = v_owner.account_id;
  v_code := case
    when v_owner.account_id is null then 'TRA06'
    when v_owner.purpose <> 'publish' then 'TRA07'
    when v_stream.stream_id is null then 'TRS10'
  end;
  if v_code is not null then
    return query select v_code, p_stream, null::smallint, null::bigint, null::integer, null::bigint, null::integer;
    return;
  end if;
  return query
  update signals.stream_heads as h
  set session_id = p_session
  where h.lane = v_stream.lane and h.stream_id = v_stream.stream_id
  returning
    null::text, null::text, h.lane, h.stream_id, h.epoch, h.last_seq,
    (extract(epoch from v_stream.ttl) * 1000)::integer;
end
$$;

comment on function signals.open_stream(uuid, text) is
'Makes the session the one publisher of the stream. code: TRA06, TRA07, TRS10, or null with where the stream stands.';
