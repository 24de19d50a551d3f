%% Building, mapping, sorting and folding lists.
%% scale: 200000
-module(lists_work).
-export([run/1]).
run(N) ->
    L = [(I * 7919) rem 100003 || I <- lists:seq(1, N)],
    lists:foldl(fun(X, A) -> (A * 31 + X) rem 1000003 end, 0, lists:sort([X * 2 || X <- L, X rem 3 =/= 0])).
