%% link/1 with what is gone: an error for who does not trap exits, a signal for who does.
-module(link_dead).
-export([main/0]).
main() ->
    {P, M} = spawn_monitor(fun() -> ok end), receive {'DOWN', M, _, _, _} -> ok end,
    Port = list_to_port("#Port<0.99999>"),
    T = fun(F) -> {_, N} = spawn_monitor(fun() -> R = (catch F()), receive X -> exit({R, X}) after 50 -> exit({R}) end end), receive {'DOWN', N, _, _, Y} -> short(Y) end end,
    [T(fun() -> link(P) end), T(fun() -> link(Port) end), T(fun() -> unlink(P) end), T(fun() -> process_flag(trap_exit, true), link(P) end), T(fun() -> process_flag(trap_exit, true), link(Port) end), T(fun() -> link(self()) end)].
short({{'EXIT', {R, _}}}) -> {error, R};
short({true, {'EXIT', _, R}}) -> {exit, R};
short(X) -> X.
