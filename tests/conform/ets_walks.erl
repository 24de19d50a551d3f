%% Walking a table while it changes: fixed tables are seen whole, deleted keys lead on, first/next/prev/last of every type.
-module(ets_walks).
-export([main/0]).
walk(_, '$end_of_table', _) -> [];
walk(T, K, F) -> F(K), [K | walk(T, ets:next(T, K), F)].
main() ->
    [begin
         T = ets:new(t, [Type, public]), ets:insert(T, [{I} || I <- lists:seq(1, 300)]),
         A = lists:sort(walk(T, ets:first(T), fun(_) -> ok end)) =:= lists:seq(1, 300),
         ets:safe_fixtable(T, true), B = lists:sort(walk(T, ets:first(T), fun(K) -> ets:delete(T, K) end)) =:= lists:seq(1, 300), C = {ets:info(T, size), ets:first(T), ets:info(T, fixed)}, ets:safe_fixtable(T, false),
         ets:insert(T, [{I} || I <- lists:seq(1, 300)]),
         ets:safe_fixtable(T, true), D = lists:sort(walk(T, ets:first(T), fun(K) when K =< 300 -> ets:insert(T, {K}), ets:delete(T, (K rem 300) + 1), ets:insert(T, {(K rem 300) + 1}); (_) -> ok end)) =:= lists:seq(1, 300), ets:safe_fixtable(T, false),
         ets:safe_fixtable(T, true), ets:delete_all_objects(T), E = {ets:info(T, size), ets:first(T), ets:last(T)}, ets:safe_fixtable(T, false),
         F = try ets:next(T, 17) catch X:Y -> {X, Y} end, G = try ets:prev(T, 17) catch X1:Y1 -> {X1, Y1} end,
         ets:insert(T, {only}), H = {ets:first(T), ets:last(T), ets:next(T, only), ets:prev(T, only)},
         P = spawn(fun() -> ets:safe_fixtable(T, true), ets:safe_fixtable(T, true), receive stop -> ok end end), timer:sleep(20), I1 = ets:info(T, safe_fixed), I2 = case I1 of {_, [{P, N}]} -> N; _ -> I1 end, M = monitor(process, P), P ! stop, receive {'DOWN', M, _, _, _} -> ok end, timer:sleep(20),
         J = {ets:info(T, fixed), ets:info(T, safe_fixed)}, ets:safe_fixtable(T, true), ets:safe_fixtable(T, true), ets:safe_fixtable(T, false), K = ets:info(T, fixed), ets:safe_fixtable(T, false), L = ets:info(T, fixed),
         {Type, A, B, C, D, E, F, G, H, I2, J, K, L, ets:foldl(fun(O, Acc) -> [O | Acc] end, [], T), ets:tab2list(T)}
     end || Type <- [set, ordered_set, bag, duplicate_bag]].
