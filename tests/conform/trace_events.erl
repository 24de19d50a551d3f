%% Events of a traced process: messages, processes, names; calls of exported functions with and without match specifications.
-module(trace_events).
-export([main/0, foo/1, bar/1, loop/0, stays/1]).

foo(X) -> trace_events:bar(X) + 1.
bar(X) -> X * 2.
stays(_) -> receive go -> ok end.
loop() ->
    receive
        {call, F, From} -> From ! {self(), F()}, loop();
        stop -> ok
    end.
call(P, F) -> P ! {call, F, self()}, receive {P, R} -> R end.
flush() -> receive M -> [M | flush()] after 50 -> [] end.

show(P, P) -> traced;
show(S, _) when S =:= self() -> tracer;
show(X, _) when is_pid(X) -> other;
show(X, _) when is_function(X) -> 'fun';
show(T, P) when is_tuple(T) -> list_to_tuple([show(E, P) || E <- tuple_to_list(T)]);
show([H | T], P) -> [show(H, P) | show(T, P)];
show(X, _) -> X.

run(Name, Test) ->
    P = spawn(fun loop/0),
    Result = Test(P),
    Events = flush(),
    try erlang:trace(P, false, [all]) catch error:badarg -> dead end,
    exit(P, kill),
    {Name, show(Events, P), show(Result, P)}.

main() ->
    Self = fun(F) -> fun(P) -> call(P, F) end end,
    Traced = fun(Flags, F) -> fun(P) -> erlang:trace(P, true, Flags), F(P) end end,
    Me = ?MODULE,
    [run(messages, Traced([send, 'receive'], fun(P) -> call(P, fun() -> ok end), [erlang:trace_info(P, I) || I <- [flags, tracer]] end)),
     run(processes, Traced([procs], Self(fun() -> Q = spawn(Me, stays, [1]), link(Q), unlink(Q), Q ! go, ok end))),
     run(inherited, Traced([procs, set_on_spawn], Self(fun() -> spawn(Me, bar, [1]), timer:sleep(20) end))),
     run(names, Traced([procs], Self(fun() -> register(xyz, self()), unregister(xyz) end))),
     run(exits, Traced([procs], fun(P) -> exit(P, foo) end)),
     run(to_nobody, Traced([send], Self(fun() -> Q = spawn(fun() -> ok end), timer:sleep(20), Q ! hello end))),
     run(calls, Traced([call], fun(P) ->
         [erlang:trace_pattern({Me, foo, 1}, true, []), erlang:trace_pattern({Me, bar, '_'}, true, []), call(P, fun() -> Me:foo(3) end),
          erlang:trace_info({Me, foo, 1}, traced), erlang:trace_info({Me, foo, 1}, match_spec)] end)),
     run(specification, Traced([call], fun(P) ->
         erlang:trace_pattern({Me, foo, 1}, [{['$1'], [{'>', '$1', 2}], [{return_trace}, {message, {{big, '$1'}}}]}], []),
         call(P, fun() -> {Me:foo(3), Me:foo(1)} end) end)),
     run(arity, Traced([call, arity], Self(fun() -> Me:bar(3) end))),
     run(off, Traced([call], fun(P) ->
         [erlang:trace_pattern({Me, '_', '_'}, false, []), call(P, fun() -> Me:foo(3) end), erlang:trace_info({Me, foo, 1}, all),
          erlang:trace_info({Me, nothing, 1}, all)] end))].
