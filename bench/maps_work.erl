%% Maps small and large.
%% scale: 100000
-module(maps_work).
-export([run/1]).
run(N) ->
    M = lists:foldl(fun(I, A) -> maps:update_with(I rem 5000, fun(V) -> V + I end, I, A) end, #{}, lists:seq(1, N)),
    S = lists:foldl(fun(I, A) -> A#{a := I, c => maps:get(a, A)} end, #{a => 0, b => 1}, lists:seq(1, N)),
    {map_size(M), lists:sum(maps:values(M)), S}.
