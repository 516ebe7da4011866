-- The mark that binds this transaction of this backend to an account: nobody can make it without the key, and it says
-- nothing in any other transaction, so whoever takes the connection from a pool next inherits nothing. It is a setting, and no
-- row, so that it costs no write and works on a standby; what anyone else SETs there does not verify.
create or replace function access.binding(p_account bigint) returns text
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
  select p_account || '.' || encode(sha256(k.key_outer || sha256(k.key_inner || convert_to(
    -- The transaction's own time is its name here; no age is judged by it.
    concat_ws(' ', p_account, pg_backend_pid(), extract(epoch from transaction_timestamp())), 'UTF8'
  ))), 'hex')
  from access.binding_key as k
$$;

comment on function access.binding(bigint) is 'HMAC-SHA256 over account, backend and transaction, after the account: 7.9f86d0….';
