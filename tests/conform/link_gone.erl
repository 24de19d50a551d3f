%% A link to what is gone is an error where exits are not trapped, else a message; of a remote node's process it is always a signal.
-module(link_gone).
-export([main/0]).
-export([try_link/1]).
gone() -> {P, R} = spawn_monitor(fun() -> ok end), receive {'DOWN', R, _, _, _} -> P end.
closed() -> P = open_port({spawn, "cat"}, []), port_close(P), P.
try_link(T) -> try link(T) catch C:R:S -> {M, F, _, I} = hd(S), {C, R, M, F, lists:keymember(error_info, 1, I)} end.
in(F) -> {P, R} = spawn_monitor(fun() -> exit({says, F()}) end), receive {'DOWN', R, process, P, X} -> X end.
main() ->
    [in(fun() -> {try_link(gone()), process_info(self(), links)} end),
     in(fun() -> process_flag(trap_exit, true), P = gone(), {try_link(P), receive {'EXIT', P, W} -> W after 2000 -> none end, process_info(self(), links)} end),
     in(fun() -> try_link(closed()) end),
     in(fun() -> process_flag(trap_exit, true), P = closed(), {try_link(P), receive {'EXIT', P, W} -> W after 2000 -> none end} end),
     in(fun() -> spawn_link(fun() -> ok end), try_link(self()) end),
     in(fun() -> P = gone(), try_link(P), {try_link(P), unlink(P)} end),
     in(fun() -> try_link(make_ref()) end)].
