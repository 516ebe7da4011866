-- The book is taken over whole, in every lane that follows: one position that cannot be one would stop their dispatch.
create or replace function signals.is_book(p_book jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_typeof(p_book) = 'array' and jsonb_array_length(p_book) = (
    select count(*)
    from jsonb_path_query(
      p_book,
      '$[*] ? (
        @.position_id > 0 && @.volume_e8 > 0 && @.symbol like_regex "^.{1,32}$" && (@.side == "BUY" || @.side == "SELL") && (
          !exists (@.order_type) || @.order_type == "MARKET" || @.order_type == "LIMIT" || @.order_type == "STOP"
          || @.order_type == "STOP_LIMIT"
        )
      )'
    )
  )
$$;

comment on function signals.is_book(jsonb) is 'Whether each element of a snapshot''s book is a position.';
