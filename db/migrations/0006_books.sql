-- requires: signals/rebuild_book
-- Installations that copied before there were books: what the copies hold, by their reports, and the masters' books, by the log.

update signals.copies as c
set
  pending = o.pending, held_volume = case when c.status in ('REFUSED', 'CLOSED') then 0 else o.held end,
  stop_loss = o.stop_loss, take_profit = o.take_profit
from (
  select
    d.lane, d.subscription_id, d.stream_id, d.position_id, count(*) filter (where r.status is null) as pending,
    coalesce(sum(r.volume) filter (where d.action in ('OPEN', 'PLACE') and r.status = 'EXECUTED'), 0)
    - coalesce(sum(r.volume) filter (where d.action in ('CLOSE', 'PARTIAL_CLOSE') and r.status = 'EXECUTED'), 0) as held,
    (array_agg(coalesce(d.stop_loss, 0) order by d.delivery_seq desc) filter (where d.action in ('OPEN', 'PLACE', 'MODIFY', 'AMEND')))[1]
    as stop_loss,
    (array_agg(coalesce(d.take_profit, 0) order by d.delivery_seq desc) filter (where d.action in ('OPEN', 'PLACE', 'MODIFY', 'AMEND')))[1]
    as take_profit
  from signals.decisions as d
  left join signals.reports as r
    on r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq
  where d.delivery_seq is not null
  group by d.lane, d.subscription_id, d.stream_id, d.position_id
) as o
where c.lane = o.lane and c.subscription_id = o.subscription_id and c.stream_id = o.stream_id and c.position_id = o.position_id;

update signals.dispatch_cursors as c
set is_halted = true
from signals.streams as s
where s.stream_id = c.stream_id and s.status = 'HALTED';

select signals.rebuild_book(c.lane, c.stream_id) from signals.dispatch_cursors as c;
