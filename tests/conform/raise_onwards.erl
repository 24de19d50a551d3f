%% Exceptions that pass handlers which do not take them: class, value, trace, values kept in frames, collections on the way, `after`, rethrown classes.
-module(raise_onwards).
-export([main/0, deep/3, act/1, kept/3]).

act(0) -> throw({t, 1});
act(1) -> error({e, 2});
act(2) -> exit({x, 3});
act(3) -> 1 div get(zero);
act(4) -> {ok, X} = get(zero), X;
act(5) -> hd(get(nolist));
act(6) -> erlang:raise(error, r, []);
act(7) -> list_to_integer("z");
act(8) -> erlang:raise(exit, r, [{m, f, 1, []}]);
act(N) -> N.

deep(K, 0, _) -> act(K);
deep(K, D, V) when D band 1 =:= 0 ->
    try {V, deep(K, D - 1, [V])}
    catch exit:never -> V;
        throw:{never, X} -> X
    end;
deep(K, D, V) ->
    try [V | deep(K, D - 1, V)]
    after put(after_count, get(after_count) + 1)
    end.

kept(K, A, B) ->
    T = {A, [B]},
    R = try deep(K, 6, T) catch C:V -> {C, V, T} end,
    {R, T, A, B}.

say(F, A) -> put(said, [iolist_to_binary(io_lib:format(F, A)) | case get(said) of undefined -> []; L -> L end]).

main() ->
    put(zero, 0), put(nolist, []), put(after_count, 0),
    [kept(N rem 10, N, {N}) || N <- lists:seq(1, 20000)],
    say("~p~n", [get(after_count)]),
    [say("~p~n", [kept(K, K, "b")]) || K <- lists:seq(0, 9)],
    [say("~p~n", [stack(K)]) || K <- lists:seq(0, 9)],
    [say("~p~n", [caught(catch deep(K, 3, x))]) || K <- lists:seq(0, 9)],
    say("~p~n", [nested(20000, 0)]),
    Down = [begin {P, M} = spawn_monitor(fun() -> put(zero, 0), put(nolist, []), put(after_count, 0), deep(K, 4, x) end),
                receive {'DOWN', M, _, P, {R, _}} -> R; {'DOWN', M, _, P, R} -> R end end || K <- [0, 2, 6, 8, 9]],
    say("~p~n", [Down]),
    traced(),
    lists:reverse(get(said)).

caught({'EXIT', {R, T}}) when is_list(T) -> {R, [{M, F} || {M, F, _, _} <- T, M =:= ?MODULE orelse M =:= erlang]};
caught(O) -> O.

stack(K) ->
    try deep(K, 4, y) of V -> V
    catch C:R:S -> {C, R, [{M, F, if is_list(A) -> length(A); true -> A end, proplists:get_value(line, L)} || {M, F, A, L} <- S, M =:= ?MODULE orelse M =:= erlang orelse M =:= m]}
    end.

nested(0, N) -> N;
nested(K, N) ->
    M = try try error({n, K}) catch throw:_ -> 0 end catch error:{n, X} when X rem 2 =:= 0 -> 1; error:_ -> 2 end,
    nested(K - 1, N + M).

traced() ->
    Self = self(),
    Tracer = spawn_link(fun() -> collect(Self, []) end),
    erlang:trace_pattern({?MODULE, act, 1}, [{'_', [], [{exception_trace}]}], [local]),
    erlang:trace_pattern({?MODULE, deep, 3}, [{'_', [], [{return_trace}]}], [local]),
    erlang:trace(self(), true, [call, {tracer, Tracer}]),
    kept(1, a, b),
    kept(9, a, b),
    erlang:trace(self(), false, [call]),
    erlang:trace_pattern({?MODULE, '_', '_'}, false, [local]),
    D = erlang:trace_delivered(self()),
    receive {trace_delivered, _, D} -> Tracer ! stop end,
    receive {traced, L} -> say("~p~n", [L]) end.

collect(To, Acc) ->
    receive
        stop -> To ! {traced, lists:reverse(Acc)};
        M -> collect(To, [setelement(2, M, pid) | Acc])
    end.
