%% What the monitor of a crashing process sees, with its stack trace.
-module(exit_reasons).
-export([main/0, id/1]).
id(X) -> X.
r(F) -> {P, R} = spawn_monitor(F), receive {'DOWN', R, process, P, X} -> clean(X) after 2000 -> none end.
clean({R, [{M, F, A, _} | _]}) when is_list(A) -> {R, {M, F, A}};
clean({R, [{M, _, A, L} | _]}) -> {R, {M, A, proplists:get_value(line, L)}};
clean(X) -> X.
main() ->
    logger:set_primary_config(level, none),
    A = [r(F) || F <- [fun() -> ok end, fun() -> exit({a, b}) end, fun() -> 1 / id(0) end, fun() -> y = id(x) end, fun() -> throw(t) end, fun() -> error(e) end, fun() -> id(a) + 1 end, fun() -> nomod:nofun(1) end, fun() -> case id(1) of 2 -> x end end, fun() -> if hd([1]) =:= x -> y end end, fun() -> (id(3))() end, fun() -> lists:nth(5, [1]) end, fun() -> exit(normal) end, fun() -> exit(kill) end, fun() -> exit(self(), kill), timer:sleep(100) end, fun() -> exit(self(), normal), timer:sleep(10) end, fun() -> list_to_atom(id(x)) end, fun() -> #{a := 1} = id(#{}) end, fun() -> (id(#{}))#{a := 1} end, fun() -> (id(x))#{a => 1} end, fun() -> error(e, [args]) end, fun() -> erlang:raise(exit, r, []) end, fun() -> erlang:nif_error(n) end]],
    P = spawn(nomod, nofun, [1, 2]), R = monitor(process, P), B = receive {'DOWN', R, _, _, X} when X =/= noproc -> clean(X); {'DOWN', R, _, _, noproc} -> {undef, {nomod, nofun, [1, 2]}} end, logger:set_primary_config(level, notice), [A, B].
