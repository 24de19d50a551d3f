%% erlang:apply/2,3 are calls where a process begins with them, and only there.
-module(trace_apply).
-export([main/0, x/0]).
x() -> y.
id(X) -> X.
ways() ->
    [{fun_, fun(F) -> spawn(F) end}, {mfa, fun(F) -> spawn(erlang, apply, [F, []]) end}, {link, fun(F) -> spawn_link(F) end}, {opt, fun(F) -> spawn_opt(F, [link]) end}, {three, fun(_) -> spawn(erlang, apply, [?MODULE, x, []]) end},
     {called, fun(F) -> [apply(F, [])] end}, {by_name, fun(F) -> A = id(erlang), [A:apply(F, [])] end}, {monitored, fun(F) -> spawn_monitor(F) end}].
main() ->
    traced(2, [], fun(F) -> spawn(F) end),
    R = [{N, I, Flags, traced(N, Flags, W)} || N <- [2, 3], {I, W} <- ways(), Flags <- [[], [local]]] ++ [counted(K) || K <- [call_count, call_time]],
    R ++ [traced(2, [local], [{'_', [], [{return_trace}]}], fun(F) -> spawn(F) end)].
traced(N, Flags, W) -> traced(N, Flags, true, W).
traced(N, Flags, Spec, W) ->
    Me = self(),
    {P, Ref} = spawn_monitor(fun() ->
        Matched = erlang:trace_pattern({erlang, apply, N}, Spec, Flags),
        erlang:trace(self(), true, [call, set_on_spawn, {tracer, Me}]),
        W(fun() -> x end),
        timer:sleep(5),
        Me ! {matched, Matched}
    end),
    receive {'DOWN', Ref, _, P, _} -> ok end,
    D = erlang:trace_delivered(all),
    receive {trace_delivered, _, D} -> ok end,
    erlang:trace_pattern({erlang, apply, N}, false, Flags),
    got().
got() -> receive {trace, _, What, {M, F, A}} when is_list(A) -> [{What, M, F, length(A)} | got()]; {trace, _, W, M, R} -> [{W, M, R} | got()]; M -> [M | got()] after 0 -> [] end.
counted(Kind) ->
    erlang:trace_pattern({erlang, apply, 2}, true, [local, Kind]),
    erlang:trace(new, true, [call]),
    [begin {P, Ref} = spawn_monitor(fun() -> apply(fun() -> x end, []) end), receive {'DOWN', Ref, _, P, _} -> ok end end || _ <- [1, 2, 3]],
    erlang:trace(new, false, [call]),
    R = case erlang:trace_info({erlang, apply, 2}, Kind) of {K, N} when is_integer(N) -> {K, N}; {K, L} -> {K, lists:sum([C || {_, C, _, _} <- L])} end,
    erlang:trace_pattern({erlang, apply, 2}, false, [local, Kind]),
    R.
