%% Ordered tables: first, last, next, prev, between keys, walking, mixed numbers.
-module(ets_order).
-export([main/0]).
main() ->
    T = ets:new(o, [ordered_set]), ets:insert(T, [{K, x} || K <- [5, 1, 3.5, a, "s", {t}, <<"b">>, 2, 1.0, 100000000000000000000, -3]]),
    Walk = fun W('$end_of_table') -> []; W(K) -> [K | W(ets:next(T, K))] end, Back = fun W('$end_of_table') -> []; W(K) -> [K | W(ets:prev(T, K))] end,
    Big = ets:new(b, [ordered_set]), [ets:insert(Big, {(I * 7919) rem 10007, I}) || I <- lists:seq(1, 5000)], [ets:delete(Big, I) || I <- lists:seq(0, 10006, 3)],
    [Walk(ets:first(T)), Back(ets:last(T)), ets:lookup(T, 1), ets:lookup(T, 1.0), ets:next(T, 4), ets:prev(T, 4), ets:next(T, zzz), ets:prev(T, -100), ets:next(T, <<"z">>), ets:slot(T, 0), ets:slot(T, 3), (catch element(1, element(2, catch ets:slot(T, 50)))),
     ets:foldl(fun({K, _}, A) -> [K | A] end, [], T), ets:foldr(fun({K, _}, A) -> [K | A] end, [], T), ets:info(Big, size), ets:first(Big), ets:last(Big), [ets:next(Big, K) || K <- [0, 50, 5000, 9999]], [ets:prev(Big, K) || K <- [10, 50, 5000, 9999]],
     erlang:phash2(ets:tab2list(Big)), ets:select_count(Big, [{{'$1', '_'}, [{'<', '$1', 100}], [true]}])].
