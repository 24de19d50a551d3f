%% The order in which a large map is walked: whatever it is, it is the same for equal maps and for every way of walking.
-module(map_order).
-export([main/0]).
main() ->
    [begin
         A = maps:from_list([{F(K), K} || K <- lists:seq(1, 100)]),
         B = lists:foldl(fun(K, M) -> M#{F(K) => K} end, #{}, lists:seq(100, 1, -1)),
         C = lists:foldl(fun(K, M) -> maps:remove(F(K), M) end, maps:from_list([{F(K), K} || K <- lists:seq(1, 200)]), lists:seq(101, 200)),
         Keys = maps:keys(A),
         Walk = fun W(none) -> []; W({K, V, I}) -> [{K, V} | W(maps:next(I))] end,
         [A =:= B, A =:= C, Keys =:= maps:keys(B), Keys =:= maps:keys(C), maps:to_list(A) =:= lists:zip(Keys, maps:values(A)), lists:sort(Walk(maps:next(maps:iterator(A)))) =:= lists:sort(maps:to_list(A)),
          Walk(maps:next(maps:iterator(A))) =:= Walk(maps:next(maps:iterator(B))), [K || {K, _} <- maps:to_list(maps:map(fun(_, V) -> -V end, A))] =:= Keys, maps:keys(binary_to_term(term_to_binary(A))) =:= Keys,
          begin P = self(), spawn(fun() -> P ! {m, A} end), receive {m, M} -> maps:keys(M) =:= Keys end end, lists:sort(Keys) =:= lists:sort([F(K) || K <- lists:seq(1, 100)])]
     end || F <- [fun(K) -> K end, fun(K) -> {K} end, fun integer_to_binary/1, fun(K) -> [K] end, fun(K) -> K * 1.0 end, fun(K) -> K bsl 70 end, fun(K) -> #{K => K} end, fun(K) -> list_to_atom(integer_to_list(K)) end]].
