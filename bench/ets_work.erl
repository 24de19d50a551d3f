%% A set and an ordered set.
%% scale: 50000
-module(ets_work).
-export([run/1]).
run(N) ->
    [begin
         T = ets:new(t, [Type]),
         [ets:insert(T, {(I * 7919) rem N, I, [I]}) || I <- lists:seq(1, N)],
         [ets:update_counter(T, I rem N, {2, 1}, {I rem N, 0, []}) || I <- lists:seq(1, N)],
         R = lists:sum([ets:lookup_element(T, I, 2) || I <- lists:seq(0, N - 1), ets:member(T, I)]),
         ets:delete(T),
         R
     end || Type <- [set, ordered_set]].
