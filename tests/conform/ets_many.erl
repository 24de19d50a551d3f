%% Many objects: growth, shrinking, long operations with other processes at work, counters that grow big.
-module(ets_many).
-export([main/0]).
main() ->
    [begin
         T = ets:new(t, [Type, public]), [ets:insert(T, {I, I, <<I:64>>}) || I <- lists:seq(1, 20000)], A = ets:info(T, size), B = lists:sum(ets:select(T, [{{'$1', '_', '_'}, [], ['$1']}])), C = ets:select_count(T, [{{'$1', '$1', '_'}, [{'<', '$1', 1000}], [true]}]),
         D = ets:select_delete(T, [{{'$1', '_', '_'}, [{'=:=', {'rem', '$1', 3}, 0}], [true]}]), E = ets:info(T, size), F = lists:sum([K || {K, _, _} <- ets:tab2list(T)]), G = length(ets:match(T, {'$1', '_', '_'})), H = ets:foldl(fun({K, _, _}, N) -> N + K end, 0, T),
         I1 = [ets:lookup(T, K) || K <- [1, 2, 3, 19999, 20000, 20001]], ets:delete_all_objects(T), J = {ets:info(T, size), ets:tab2list(T)}, [ets:insert(T, {K, K, x}) || K <- lists:seq(1, 100)], K1 = ets:info(T, size), ets:delete(T), {Type, A, B, C, D, E, F, G, H, I1, J, K1}
     end || Type <- [set, ordered_set, bag, duplicate_bag]] ++
        [begin N = ets:new(n, [Type]), ets:insert(N, {n, 1, 0}), [ets:update_counter(N, n, {2, 1 bsl I}) || I <- lists:seq(50, 70)], ets:update_counter(N, n, [{2, -(1 bsl 71)}, {3, 5}, {3, 1, 5, 0}, {3, -1, 0, 9}]) end || Type <- [set, ordered_set]] ++
        [begin
             S = ets:new(s, [public, {write_concurrency, true}]), Me = self(), Ps = [spawn_link(fun() -> [ets:insert(S, [{{P, I}, I}, {{P, -I}, I}]) || I <- lists:seq(1, 1000)], [ets:delete(S, {P, -I}) || I <- lists:seq(1, 1000)], Me ! {done, P} end) || P <- lists:seq(1, 6)], Seen = [length(ets:tab2list(S)) =< 12000 || _ <- lists:seq(1, 20)],
             [receive {done, P} -> ok end || P <- lists:seq(1, length(Ps))], {lists:usort(Seen), ets:info(S, size), lists:sum(ets:select(S, [{{'_', '$1'}, [], ['$1']}]))}
         end].
