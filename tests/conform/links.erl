%% Links: exit reasons that travel, trap_exit, kill, unlink, link to what is gone, normal does not kill. (timing)
-module(links).
-export([main/0]).
ex() -> receive {'EXIT', _, R} -> R after 200 -> none end.
w(P) -> R = monitor(process, P), receive {'DOWN', R, _, _, X} -> X after 1000 -> stays end.
main() ->
    process_flag(trap_exit, true),
    A = [begin spawn_link(F), case ex() of {R, S} when is_list(S) -> {R, stack}; R -> R end end || F <- [fun() -> ok end, fun() -> exit(bye) end, fun() -> exit(normal) end, fun() -> error(oops) end, fun() -> throw(ball) end, fun() -> exit(kill) end, fun() -> exit(self(), kill), receive after infinity -> ok end end]],
    L = spawn(fun() -> receive go -> exit(chain) end end),
    B = spawn(fun() -> link(L), receive _ -> ok end end), timer:sleep(5), L ! go, RB = w(B),
    C = spawn(fun() -> spawn_link(fun() -> ok end), receive stop -> exit(stopped) after 50 -> exit(survived) end end), RC = w(C),
    D = spawn_link(fun() -> receive _ -> ok end end), unlink(D), exit(D, gone), RD = {w(D), ex()},
    dead = (fun(X) -> w(X), dead end)(D), link(D), RE = ex(),
    E = spawn(fun() -> process_flag(trap_exit, true), receive {'EXIT', F, R} -> exit({got, is_pid(F), R}) end end), timer:sleep(5), exit(E, please), RF = w(E),
    G = spawn(fun() -> process_flag(trap_exit, true), receive after infinity -> ok end end), timer:sleep(5), exit(G, kill), RG = w(G),
    H = spawn(fun() -> receive after infinity -> ok end end), exit(H, normal), timer:sleep(10), RH = is_process_alive(H), exit(H, shutdown), RI = w(H),
    exit(self(), to_me), RJ = ex(), exit(self(), normal), RK = ex(),
    process_flag(trap_exit, false), {P2, M2} = spawn_monitor(fun() -> link(spawn(fun() -> exit(abnormal) end)), receive after infinity -> ok end end), RL = receive {'DOWN', M2, _, P2, RR} -> RR end,
    [A, RB, RC, RD, RE, RF, RG, RH, RI, RJ, RK, RL, (catch link(x)) =/= true, unlink(D)].
