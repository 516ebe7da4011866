-- requires: signals/position_step
create or replace aggregate signals.position_after(p_signal signals.positions, p_action text) (
  sfunc = signals.position_step, stype = signals.positions
);

comment on aggregate signals.position_after(signals.positions, text) is
'A position after these signals about it, in order; null when flat.';
