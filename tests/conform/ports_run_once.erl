%% A port that several processes and the world outside keep busy is told of in turns: it begins, it ends, it begins.
-module(ports_run_once).
-export([main/0]).

main() ->
    Self = self(),
    Listener = spawn_link(fun() -> listener(Self, []) end),
    erlang:trace(new_ports, true, [running_ports, {tracer, Listener}]),
    Port = work(),
    erlang:trace(new_ports, false, [running_ports]),
    turns([S || {trace, P, S, _} <- told(Listener), P =:= Port, S =:= in orelse S =:= out], in, out).

work() ->
    Port = open_port({spawn, "cat"}, [binary]),
    Writers = [spawn_monitor(fun() -> [port_command(Port, [$a, N]) || N <- lists:seq(1, 250)], ok end) || _ <- lists:seq(1, 6)],
    [receive {'DOWN', M, process, P, normal} -> ok end || {P, M} <- Writers],
    echoed(Port, 6 * 250 * 2),
    Info = erlang:port_info(Port, name),
    {name, "cat"} = Info,
    port_close(Port),
    Port.

echoed(_, 0) -> ok;
echoed(Port, Left) -> receive {Port, {data, Data}} -> echoed(Port, Left - byte_size(Data)) end.

listener(Parent, Told) ->
    receive
        {give, Parent} -> Parent ! {self(), lists:reverse(Told)};
        Event -> listener(Parent, [Event | Told])
    end.

told(Listener) ->
    timer:sleep(100),
    Listener ! {give, self()},
    receive {Listener, Told} -> Told end.

turns([First, Second | Rest], First, Second) -> turns(Rest, First, Second);
turns([], _, _) -> turns;
turns([First], First, _) -> turns;
turns(Rest, _, _) -> {not_in_turns, lists:sublist(Rest, 6)}.
