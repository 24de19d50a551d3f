%% The debugger's interpreter without windows: breakpoints, steps, variables, a conditional breakpoint, a crash.
-module(tool_int).
-export([main/0, only_two/1]).
only_two(B) -> int:get_binding('N', B) =:= {value, 2}.
main() ->
    tool_bench:in_folder("int", fun(Dir) ->
        tool_bench:compile(Dir, stepped, ["-module(stepped).", "-export([f/2, crash/1]).", "f(0, Acc) ->", "  Acc;", "f(N, Acc) ->", "  M = N * 2,", "  L = [M | Acc],", "  f(N - 1, L).", "crash(X) ->", "  Y = X + 1,", "  hd(Y)."], []),
        {module, stepped} = int:i(stepped),
        [stepped] = int:interpreted(),
        Plain = stepped:f(3, []),
        ok = int:break(stepped, 7),
        int:auto_attach(false),
        ok = int:break(stepped, 10),
        int:test_at_break(stepped, 7, {?MODULE, only_two}),
        {_, Ref} = P = spawn_monitor(fun() -> exit({answer, stepped:f(3, [])}) end),
        R = steps(P),
        receive {'DOWN', Ref, process, _, A} -> ok end,
        {Q, QRef} = spawn_monitor(fun() -> stepped:crash(1) end),
        Break = at_break(Q),
        ok = int:continue(Q),
        receive {'DOWN', QRef, process, _, {Reason, [{M, F, _, _} | _]}} -> ok end,
        Breaks = [{Where, lists:sublist(O, 2)} || {Where, O} <- int:all_breaks()],
        int:no_break(),
        Snap = length(int:snapshot()),
        int:clear(),
        ok = int:n(stepped),
        [Plain, R, A, Break, {Reason, M, F}, Breaks, Snap, int:interpreted()]
    end).
steps({P, _}) ->
    At = at_break(P),
    {ok, Meta} = int:attached(P),
    Before = lists:sort(int:meta(Meta, bindings, nostack)),
    ok = int:meta(Meta, step),
    Stepped = wait(fun() -> receive {Meta, {break_at, _, Line, _}} -> Line; {_, {break_at, stepped, Line, _}} -> Line after 50 -> again end end, 100),
    After = lists:sort(int:meta(Meta, bindings, nostack)),
    ok = int:meta(Meta, continue),
    [At, Before, Stepped, After].
at_break(P) ->
    wait(fun() -> case [{S, I} || {Pid, _, S, I} <- int:snapshot(), Pid =:= P] of [{break, I}] -> I; _ -> timer:sleep(20), again end end, 200).
wait(_, 0) -> too_late;
wait(F, N) -> case F() of again -> wait(F, N - 1); R -> R end.
