-- Why an account may not act, and who said so: whoever is on duty sees it beside the status.
alter table access.accounts
add column status_by text,
add column status_reason text;
comment on column access.accounts.status is 'ACTIVE; SUSPENDED and CLOSED open no session, and their tokens admit nobody.';
comment on column access.accounts.status_by is 'Who set the status; null: it is that of the beginning.';
comment on column access.accounts.status_reason is 'Why.';
