%% A collection that the program asks for while all of the heap is alive and most of it came in messages: calls after it have room.
-module(collect_then_call).
-export([main/0]).
main() ->
    lists:usort([turn(N) || N <- lists:seq(1, 400)]).
turn(N) ->
    L = [{I, [I]} || I <- lists:seq(1, N)],
    {P, R} = spawn_monitor(fun() -> receive {M, More} -> exit(held(M, More)) end end),
    P ! {L, lists:seq(1, N)},
    receive {'DOWN', R, process, P, Why} -> Why end.
held(M, More) ->
    garbage_collect(),
    Sum = sum(M),
    {Sum, length(M), length(More)} =:= {lists:sum(More), length(More), length(M)}
        andalso M =:= [{I, [I]} || I <- More].
sum([]) -> 0;
sum([{I, [I]} | T]) -> I + sum(T).
