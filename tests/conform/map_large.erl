%% Maps beyond 32 keys: growing, shrinking back, iterating, equal whatever the way that they were made.
-module(map_large).
-export([main/0]).
main() ->
    L = lists:seq(1, 1000),
    A = maps:from_list([{K, K * K} || K <- L]),
    B = lists:foldl(fun(K, M) -> M#{K => K * K} end, #{}, lists:reverse(L)),
    C = lists:foldl(fun(K, M) -> maps:remove(K, M) end, A, lists:seq(21, 1000)),
    D = lists:foldl(fun(K, M) -> M#{K := K + 1} end, A, [1, 500, 1000]),
    I = fun Walk(It, N) -> case maps:next(It) of none -> N; {K, V, Next} -> Walk(Next, N + K + V) end end,
    [A =:= B, A == B, maps:size(A), erlang:phash2(A) =:= erlang:phash2(B), C, maps:size(C), C =:= maps:from_list([{K, K * K} || K <- lists:seq(1, 20)]),
     [maps:get(K, D) || K <- [1, 2, 500, 1000]], lists:sum(maps:keys(A)), lists:sum(maps:values(A)), I(maps:iterator(A), 0),
     maps:fold(fun(K, V, S) -> S + K - V end, 0, A), maps:size(maps:merge(A, maps:from_list([{K, 0} || K <- lists:seq(900, 1100)]))),
     maps:size(maps:filter(fun(K, _) -> K rem 3 =:= 0 end, A)), element(1, maps:take(77, A)), [K || K <- [0, 1, 1001], maps:is_key(K, A)],
     lists:sort(maps:to_list(maps:with(lists:seq(990, 1010), A))), case A of #{37 := V37} -> V37 end,
     maps:size(maps:from_list([{{K, x}, K} || K <- L] ++ [{{K, x}, again} || K <- L])), maps:get({5, x}, maps:from_list([{{K, x}, K} || K <- L] ++ [{{5, x}, again}]))].
