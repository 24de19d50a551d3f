%% Monitors: reasons, names, demonitor with flush and info, several at once, aliases.
-module(monitors).
-export([main/0]).
d(R) -> receive {'DOWN', R, T, O, X} -> {T, if is_pid(O) -> pid; true -> O end, X} after 200 -> none end.
main() ->
    {_, R1} = spawn_monitor(fun() -> exit(one) end), A = d(R1),
    P = spawn(fun() -> receive R -> exit(R) end end), R2 = monitor(process, P), R3 = monitor(process, P), R4 = monitor(process, P),
    demonitor(R3), P ! two, B = [d(R2), d(R3), d(R4)],
    C = d(monitor(process, P)), D = d(monitor(process, nobody)), E = d(monitor(process, {nobody, node()})),
    Q = spawn(fun() -> receive stop -> ok end end), register(qq, Q), R5 = monitor(process, qq), Q ! stop, F = d(R5),
    {_, R6} = spawn_monitor(fun() -> ok end), timer:sleep(20), G = {demonitor(R6, [flush, info]), d(R6)},
    R7 = monitor(process, self()), H = {d(R7), demonitor(R7, [info])}, I = demonitor(make_ref()), J = (catch demonitor(make_ref(), [info])),
    K = element(1, element(2, catch monitor(process, 5))), L = element(1, element(2, catch monitor(foo, self()))),
    Al = alias(), Al ! via_alias, M = receive via_alias -> got after 50 -> none end, N = {unalias(Al), unalias(Al)}, Al ! late, O = receive late -> got after 20 -> none end,
    S = spawn(fun() -> receive {From, Ref} -> From ! {Ref, reply}, Ref ! {Ref, by_alias} end end), R8 = monitor(process, S, [{alias, reply_demonitor}]), S ! {self(), R8},
    T = [receive {R8, X} -> X after 100 -> none end || _ <- [1, 2]], U = d(R8), V = monitor_node(node(), true), W = erlang:monitor(time_offset, clock_service), demonitor(W),
    {X1, Y1} = spawn_opt(fun() -> exit(tagged) end, [{monitor, [{tag, mytag}]}]), Z = receive {mytag, Y1, process, X1, Why} -> Why after 100 -> none end,
    [A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, T, U, V, is_reference(W), Z].
