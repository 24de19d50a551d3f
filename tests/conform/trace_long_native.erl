%% A native function that gives way is where the process is said to be, out and in again.
-module(trace_long_native).
-export([main/0]).
main() ->
    Tracer = self(),
    {P, R} = spawn_monitor(fun() ->
        L = [{X, X} || X <- lists:seq(1, 100000)],
        erlang:trace(self(), true, [running, {tracer, Tracer}]),
        100000 = map_size(maps:from_list(L))
    end),
    receive {'DOWN', R, process, P, Why} -> ok end,
    D = erlang:trace_delivered(P), receive {trace_delivered, P, D} -> ok end,
    N = length([x || {out, {maps, from_list, 1}} <- pairs(P, [])]),
    [Why, N > 2].
pairs(P, Acc) ->
    receive
        {trace, P, out, F} -> receive {trace, P, in, F} -> pairs(P, [{out, F} | Acc]) after 0 -> pairs(P, Acc) end;
        {trace, P, _, _} -> pairs(P, Acc)
    after 0 -> Acc
    end.
