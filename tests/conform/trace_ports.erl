%% Traces of ports: opening, commands, data, names, links, closing.
-module(trace_ports).
-export([main/0]).

all() -> receive X -> [X | all()] after 150 -> [] end.

main() ->
    Me = self(),
    process_flag(trap_exit, true),
    erlang:trace(new_ports, true, [ports, send, 'receive']),
    P = open_port({spawn, "cat"}, [binary]),
    Name = fun F(T) when T =:= P -> port; F(T) when T =:= Me -> me; F(T) when is_tuple(T) -> list_to_tuple([F(E) || E <- tuple_to_list(T)]); F(T) -> T end,
    Traced = fun() -> [Name(M) || M <- all(), element(1, M) =:= trace] end,
    Open = Traced(),
    port_command(P, [<<"he">>, "llo"]),
    Command = Traced(),
    register(trace_ports_cat, P), unlink(P), link(P),
    Names = Traced(),
    P ! {Me, {command, "x"}},
    Sent = Traced(),
    Flags = [erlang:trace_info(W, flags) || W <- [P, new_ports]],
    erlang:trace(new_ports, false, [all]),
    port_close(P),
    Closed = Traced(),
    {Open, Command, Names, Sent, Flags, Closed, erlang:trace_info(P, flags), erlang:trace_info(new_ports, flags)}.
