%% Registered names: registering, taking over after death, sending to names that vanish, ports' names.
-module(proc_names).
-export([main/0]).
t(F) -> try F() catch C:R -> {C, R} end.
main() ->
    P = spawn(fun() -> receive stop -> ok end end), A = [register(nm, P), whereis(nm) =:= P, t(fun() -> register(nm, self()) end), t(fun() -> register(nm2, P) end), lists:member(nm, registered()), process_info(P, registered_name)], R = monitor(process, nm), nm ! stop, B = receive {'DOWN', R, process, X, W} -> {X, W} end, C = [whereis(nm), t(fun() -> nm ! x end), register(nm, self()), nm ! hi, receive hi -> got end, unregister(nm), t(fun() -> unregister(nm) end), t(fun() -> register(true, self()) end), t(fun() -> register("x", self()) end), t(fun() -> register(n, P) end), t(fun() -> whereis(5) end), {nm, 'other@nohost'} ! lost, process_info(self(), registered_name)], D = [is_pid(whereis(init)), is_pid(whereis(code_server)), is_pid(whereis(kernel_sup)), whereis(nothing), erlang:send(init, {none_of_this}, [noconnect])], [A, B, C, D].
