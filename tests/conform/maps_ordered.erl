%% Iterators in an order (26 and later; the answer of 25 is that there are none).
-module(maps_ordered).
-export([main/0]).
main() ->
    M = #{b => 2, a => 1, c => 3},
    Big = maps:from_list([{N, N * N} || N <- lists:seq(1, 300)]),
    Down = fun(A, B) -> A >= B end,
    case erlang:function_exported(maps, iterator, 2) of
        false -> none;
        true ->
            [maps:to_list(maps:iterator(M, ordered)), maps:to_list(maps:iterator(M, reversed)), maps:to_list(maps:iterator(#{}, ordered)),
             maps:fold(fun(K, V, Acc) -> [{K, V} | Acc] end, [], maps:iterator(M, ordered)),
             maps:to_list(maps:iterator(Big, Down)) =:= [{N, N * N} || N <- lists:seq(300, 1, -1)],
             maps:next(maps:iterator(#{}, ordered)), element(1, maps:next(maps:iterator(Big, ordered))),
             try maps:to_list([[no_key] | M]) catch error:{badmap, [Keys | _]} -> Keys end]
    end.
