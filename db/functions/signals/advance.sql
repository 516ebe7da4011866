-- requires: signals/advance_step
-- Run as a window in order of arrival it says, after each signal, how far its stream has come: the sequence rule
-- for a whole batch in one pass, with the same answer however the signals were batched.
create or replace aggregate signals.advance(p_last bigint, p_seq bigint) (
  sfunc = signals.advance_step, stype = bigint
);

comment on aggregate signals.advance(bigint, bigint) is
'The last seq in sequence after these: p_last, plus one for each p_seq that is exactly the next. Null p_seq: no candidate.';
