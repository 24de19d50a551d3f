%% Trace sessions: flags and patterns that do not disturb each other; from 27 on.
-module(trace_sessions).
-export([main/0, f/1, g/1]).

f(X) -> X + 1.
g(X) -> f(X) * 2.
loop() -> receive {call, M, F, A} -> _ = (catch apply(M, F, A)), loop(); stop -> ok end.
all() -> receive X -> [X | all()] after 100 -> [] end.
caught(F) -> try F() catch C:R -> {C, R} end.
tracer() -> Me = self(), spawn_link(fun F() -> receive X -> Me ! {self(), X}, F() end end).

main() ->
    case erlang:system_info(otp_release) of
        "25" -> caught(fun() -> trace:session_create(one, self(), []) end);
        _ -> sessions()
    end.

sessions() ->
    P = spawn_link(fun loop/0),
    {T1, T2} = {tracer(), tracer()},
    {_, {one, N1}} = S1 = trace:session_create(one, T1, []),
    {_, {two, N2}} = S2 = trace:session_create(two, T2, []),
    Told = fun() -> L = all(), [[setelement(2, M, p) || {F, M} <- L, F =:= T] || T <- [T1, T2]] end,
    Names = fun(undefined) -> undefined; (L) -> [case S of {one, N1} -> one; {two, N2} -> two; _ -> S end || S <- L] end,
    Me = self(),
    MFA = {?MODULE, f, 1},
    A = [trace:process(S1, P, true, [call]), trace:process(S2, P, true, [call, arity]),
         trace:function(S1, MFA, [{'_', [], [{return_trace}]}], [local]), trace:function(S2, {?MODULE, g, '_'}, true, [local])],
    P ! {call, ?MODULE, g, [1]},
    B = Told(),
    C = [trace:info(S1, MFA, all), trace:info(S2, MFA, traced), erlang:trace_info(MFA, traced), trace:info(S1, P, flags), trace:info(S2, P, flags),
         erlang:trace_info(P, flags), trace:info(S1, P, tracer) =:= {tracer, T1}],
    D = [Names(trace:session_info(W)) || W <- [P, MFA, {?MODULE, g, 1}, {?MODULE, nosuch, 1}, send, new, all]],
    trace:function(S1, {?MODULE, g, 1}, true, [call_count, call_time]),
    [P ! {call, ?MODULE, g, [N]} || N <- [1, 2]],
    _ = all(),
    {call_time, [{P, Calls, _, _}]} = trace:info(S1, {?MODULE, g, 1}, call_time),
    E = [trace:info(S1, {?MODULE, g, 1}, call_count), Calls, trace:info(S2, {?MODULE, g, 1}, call_count)],
    F = [trace:send(S1, [{['_', {x, '_'}], [], []}], []), trace:info(S1, send, match_spec), erlang:trace_info(send, match_spec)],
    trace:process(S1, P, true, [send]),
    [P ! {call, erlang, send, [Me, M]} || M <- [{x, 1}, y]],
    G = [[element(4, M) || M <- L, element(3, M) =:= send] || L <- Told()],
    H = [trace:session_destroy(S1), caught(fun() -> trace:session_destroy(S1) end), caught(fun() -> trace:process(S1, P, true, [call]) end)],
    P ! {call, ?MODULE, g, [1]},
    I = Told(),
    J = [caught(fun() -> trace:function(S2, MFA, true, [{meta, Me}]) end), caught(fun() -> trace:process(S2, P, true, [call, {tracer, Me}]) end),
         caught(fun() -> trace:session_destroy(default) end), caught(fun() -> trace:session_create(x, x, []) end)],
    %% The last handle goes, and with it the session.
    {two, N2} = Weak = element(2, S2),
    true = trace:session_destroy(S2),
    K = [caught(fun() -> trace:info(Weak, P, flags) end), Names(trace:session_info(P))],
    P ! stop,
    {A, B, C, D, E, F, G, H, I, J, K}.
