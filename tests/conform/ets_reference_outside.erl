%% A table's reference that has been outside as an external term or a text still finds the table, until it is deleted.
-module(ets_reference_outside).
-export([main/0]).
main() ->
    T = ets:new(t, []), ets:insert(T, {a, 1}),
    L = [binary_to_term(term_to_binary(T)), list_to_ref(ref_to_list(T))],
    A = [{X =:= T, ets:lookup(X, a), ets:info(X, name), ets:insert(X, {b, 2})} || X <- L],
    ets:delete(hd(L)),
    [A, [try ets:insert(X, {a, 1}) catch error:E -> E end || X <- [T | L]], [ets:info(X) || X <- [T]], erlang:system_info(ets_always_compress)].
