%% Traces of controls and calls that a port's driver does not know, and of those that it refuses.
-module(trace_ports_call).
-export([main/0]).

all() -> receive X -> [X | all()] after 150 -> [] end.

main() ->
    Me = self(),
    P = open_port({spawn, "cat"}, [binary]),
    R = open_port({spawn_driver, "ram_file_drv"}, [binary]),
    Name = fun F(T) when T =:= P -> port; F(T) when T =:= Me -> me; F(T) when T =:= R -> ram; F(T) when is_tuple(T) -> list_to_tuple([F(E) || E <- tuple_to_list(T)]); F(T) -> T end,
    Trace = fun(Port, Flags, F) ->
        erlang:trace(Port, true, Flags),
        Result = try F() catch C:E -> {C, E} end,
        Told = [Name(M) || M <- all()],
        erlang:trace(Port, false, [all]),
        {Result, Told}
    end,
    [[Trace(Port, Flags, F) || F <- [fun() -> erlang:port_call(Port, 1, hello) end, fun() -> port_control(Port, 1, "abc") end, fun() -> port_control(Port, 16#0413BEEF, "") end]]
     || Port <- [P, R], Flags <- [[send, 'receive'], [running_ports]]].
