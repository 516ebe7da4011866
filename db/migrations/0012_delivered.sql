-- Deliveries are looked up by their number far more often than signals by theirs. While the table is small both keys of decisions seem
-- equally good to the planner for that, and it takes the one that was made last: so this is made after the primary key. It is no
-- longer a constraint, which a restored dump would make before it, and leaves out what was not delivered.
-- It is made in one go: nobody had this table in production at any size before.
-- squawk-ignore-file ban-drop-constraint, require-concurrent-index-creation

alter table signals.decisions drop constraint decisions_delivery_unique;
create unique index decisions_delivery_unique on signals.decisions (lane, subscription_id, delivery_seq) where delivery_seq is not null;
