-- requires: core/fail
-- Immutable, for a generated column: dispatch compares numbers and parses nothing.
create or replace function signals.week_minutes(p_hours text[]) returns int4multirange
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_days constant text[] := '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}'::text[];
  v_text text;
  v_part text[];
  v_from integer;
  v_length integer;
  v_minutes int4multirange := '{}'::int4multirange;
begin
  foreach v_text in array p_hours loop
    v_part := regexp_match(
      v_text, replace(
        '^(day(?:-day)?(?:,day(?:-day)?)*) ((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d|24:00)$',
        'day', '(?:' || array_to_string(v_days, '|') || ')'
      )
    );
    -- From a time to itself could be all day or nothing.
    if v_part is null or v_part[2] = v_part[3] then
      perform core.fail('TRS20', jsonb_build_object('rule', 'hours', 'text', v_text));
    end if;
    v_from := extract(epoch from v_part[2]::time) / 60;
    v_length := mod((extract(epoch from v_part[3]::time) / 60)::integer - v_from + 1440 - 1, 1440) + 1;
    v_minutes := v_minutes + (
      select range_agg(int4range(d.midnight + v_from - w.week, d.midnight + v_from + v_length - w.week))
      from regexp_split_to_table(v_part[1], ',') as r (days)
      cross join lateral (
        select array_position(v_days, left(r.days, 3)) - 1 as first, array_position(v_days, right(r.days, 3)) - 1 as last
      ) as e
      cross join lateral (
        select mod(g.day, 7) * 1440 as midnight
        from generate_series(e.first, e.first + mod(e.last - e.first + 7, 7)) as g (day)
      ) as d
      -- What runs past Sunday midnight goes on at the beginning of the week.
      cross join (values (0), (10080)) as w (week)
    );
  end loop;
  return v_minutes * '{[0,10080)}'::int4multirange;
end
$$;

comment on function signals.week_minutes(text[]) is
'{"Mon-Fri 08:00-17:30","Sun 22:00-02:00"} as minutes of the week: Monday 00:00 is 0, ends are exclusive. Fails with TRS20.';
