%% Native functions that machine code calls without ceremony: their values, at the slice's end, as last calls, and traced.
-module(hot_natives).
-export([main/0, larger/2, smaller/2, put_last/2, get_last/1, mixed/3]).

larger(A, B) -> erlang:max(A, B).
smaller(A, B) -> {erlang:min(A, B), erlang:min(B, A)}.
put_last(K, V) -> put(K, V).
get_last(K) -> {get(K)}.
mixed(A, B, C) ->
    X = erlang:max(A, B),
    Y = erlang:min(X, C),
    Old = put(last, [X, Y]),
    Now = get(last),
    {X, Y, Old, Now}.

terms() -> [0, 1, -1, 1.0, 0.0, 1 bsl 59, 1 bsl 62, 1 bsl 64, -(1 bsl 70), 2.5, a, b, <<"x">>, "x", [], {}, {1}, #{}, #{a => 1}, self()].

loop(0, Acc) -> Acc;
loop(N, Acc) ->
    put(n, N),
    M = erlang:max(N band 15, get(n) band 7),
    loop(N - 1, erlang:min(Acc + M, 1 bsl 40)).

say(F, A) -> put(said, [iolist_to_binary(io_lib:format(F, A)) | case get(said) of undefined -> []; L -> L end]).

main() ->
    say("~p~n", [loop(300000, 0)]),
    [larger(N, 7) || N <- lists:seq(1, 30000)],
    [smaller(N, 7) || N <- lists:seq(1, 30000)],
    [put_last(N band 31, N) || N <- lists:seq(1, 30000)],
    [get_last(N band 31) || N <- lists:seq(1, 30000)],
    [mixed(N, 5, N band 7) || N <- lists:seq(1, 30000)],
    Shown = fun(T) when is_pid(T) -> pid; (T) -> T end,
    [say("~w ~w ~w ~w~n", [Shown(A), Shown(B), Shown(larger(A, B)), [Shown(X) || X <- tuple_to_list(smaller(A, B))]])
     || A <- terms(), B <- terms()],
    say("~p ~p~n", [get_last(3), put_last({k, 3}, v)]),
    say("~p ~p~n", [get_last({k, 3}), get_last(none)]),
    erlang:garbage_collect(),
    say("~p~n", [mixed(3, 4.5, x)]),
    Self = self(),
    Tracer = spawn_link(fun() -> collect(Self, []) end),
    [erlang:trace_pattern({erlang, F, A}, [{'_', [], [{return_trace}]}], [global]) || {F, A} <- [{max, 2}, {put, 2}]],
    erlang:trace(self(), true, [call, {tracer, Tracer}]),
    R = [larger(1, 2), put_last(3, new), get_last(3), larger(x, 2)],
    erlang:trace(self(), false, [call]),
    [erlang:trace_pattern({erlang, F, A}, false, [global]) || {F, A} <- [{max, 2}, {put, 2}]],
    D = erlang:trace_delivered(self()),
    receive {trace_delivered, _, D} -> Tracer ! stop end,
    receive {traced, L} -> say("~p~n~p~n", [R, L]) end,
    say("~p~n", [[larger(1, 2), put_last(3, newer), get_last(3)]]),
    {many(), lists:reverse(get(said))}.

collect(To, Acc) ->
    receive
        stop -> To ! {traced, lists:reverse(Acc)};
        M -> collect(To, [setelement(2, M, pid) | Acc])
    end.

%% Slices end anywhere in a loop of such calls.
many() ->
    Self = self(),
    Pids = [spawn_link(fun() -> Self ! {self(), loop(50000 + I, I)} end) || I <- lists:seq(1, 8)],
    [receive {P, V} -> V end || P <- Pids].
