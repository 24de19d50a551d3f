%% A chain of a thousand linked processes falls together; a tree of trapping ones stays; order of signals and messages.
-module(exit_chain).
-export([main/0]).
chain(0, S) -> S ! {last, self()}, receive after infinity -> ok end; chain(N, S) -> spawn_link(fun() -> chain(N - 1, S) end), receive after infinity -> ok end.
main() ->
    S = self(), P = spawn(fun() -> chain(1000, S) end), L = receive {last, X} -> X end, R = monitor(process, L), exit(P, fall), A = receive {'DOWN', R, _, _, W} -> W after 5000 -> none end, process_flag(trap_exit, true), Ks = [spawn_link(fun() -> receive {die, Y} -> exit(Y) end end) || _ <- lists:seq(1, 200)], [K ! {die, I} || {K, I} <- lists:zip(Ks, lists:seq(1, 200))], B = lists:sort([receive {'EXIT', K, V} -> V after 5000 -> none end || K <- Ks]) =:= lists:seq(1, 200), Q = spawn_link(fun() -> [S ! {m, I} || I <- lists:seq(1, 100)], exit(after_all) end), C = [receive M -> M end || _ <- lists:seq(1, 101)], D = {lists:last(C) =:= {'EXIT', Q, after_all}, length(C)}, process_flag(trap_exit, false), [A, B, D].
