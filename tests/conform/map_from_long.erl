%% Maps from long lists: the last of equal keys counts, also far apart; wrong elements and tails far behind are noticed.
-module(map_from_long).
-export([main/0]).
main() ->
    L = [{I rem 30000, I} || I <- lists:seq(1, 50000)], M = maps:from_list(L), K = maps:from_keys(lists:seq(1, 20000) ++ lists:seq(1, 20000), x),
    [map_size(M), M =:= lists:foldl(fun({A, B}, Acc) -> Acc#{A => B} end, #{}, L), maps:get(1, M), map_size(K), maps:get(20000, K),
     [try maps:from_list(X) catch error:E -> E end || X <- [L ++ [x], L ++ x, x, [{a}], [{a, b} | c]]],
     [try maps:from_keys(X, 1) catch error:E -> E end || X <- [lists:seq(1, 20000) ++ x, x]], maps:from_list([]), maps:from_keys([], 1)].
