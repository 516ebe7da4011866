-- Ledger: does every balance follow from its transfers? It reads the whole ledger.
\ir begin.psql
\echo '== Ledger: does every balance follow from its transfers?'
select name as does_not_hold, detail
from ops.verify()
where not ok and name in (
  'balances_are_their_transfers', 'money_stays_in_its_lane', 'every_lane_sums_to_zero', 'what_is_held_is_promised',
  'every_hold_has_its_delivery', 'every_copy_fee_has_its_hold', 'profit_is_what_was_filled', 'performance_is_charged_once',
  'chain_holds'
);
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: no function of the plane can do this: somebody wrote to the tables, or a backup came back in parts (restore.sql). What transfers say is sealed (ecp audit verify), so they tell what the balance was. Keep new exposure out, for each copy takes from these balances.'
\echo 'MEND:  select signals.halt(''GLOBAL'', null, <reason>, <you>); until the balances are what their transfers say; signals.lift_halt ends it.'
\else
\echo 'Nothing found.'
\endif
