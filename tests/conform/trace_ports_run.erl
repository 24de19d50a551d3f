%% What a port is told to run for, and what has come from outside (0): trace flag running_ports, profile of runnable_ports (timing).
-module(trace_ports_run).
-export([main/0]).

all() -> receive M -> [M | all()] after 300 -> [] end.

events() ->
    [case M of
         {trace, _, Way, What} when Way =:= in; Way =:= out -> {Way, What};
         {trace, _, 'receive', {_, What}} -> {'receive', if is_tuple(What) -> element(1, What); true -> What end};
         {trace, _, send, What, _} -> {send, element(1, What) =:= udp orelse is_port(element(1, What))};
         _ when is_tuple(M) -> message
     end || M <- all()].

traced(Port) ->
    1 = erlang:trace(Port, true, [running_ports, send, 'receive']).

cat() ->
    Port = open_port({spawn, "cat"}, [binary]),
    traced(Port),
    Port ! {self(), {command, "hello"}},
    A = events(),
    port_connect(Port, self()),
    link(Port),
    unlink(Port),
    link(Port),
    erlang:port_info(Port),
    erlang:port_info(Port, name),
    catch port_control(Port, 1, "a"),
    B = events(),
    port_close(Port),
    {A, B, events()}.

udp() ->
    {ok, S} = gen_udp:open(0, [{active, true}]),
    {ok, To} = inet:port(S),
    {ok, C} = gen_udp:open(0),
    traced(S),
    ok = gen_udp:send(C, {127, 0, 0, 1}, To, "one"),
    A = events(),
    inet:setopts(S, [{active, once}]),
    B = events(),
    gen_udp:close(S),
    gen_udp:close(C),
    {A, B, events()}.

profile() ->
    Me = self(),
    Port = open_port({spawn, "cat"}, [binary]),
    Who = spawn_link(fun() -> Me ! {profiled, (fun F() -> receive {profile, P, How, 0, _} -> [{P, How} | F()]; stop -> [] end end)()} end),
    undefined = erlang:system_profile(Who, [runnable_ports, monotonic_timestamp]),
    true = port_command(Port, "hello"),
    receive {Port, {data, <<"hello">>}} -> ok end,
    timer:sleep(300),
    {Who, [runnable_ports]} = erlang:system_profile(undefined, []),
    timer:sleep(100),
    Who ! stop,
    All = receive {profiled, L} -> [How || {P, How} <- L, P =:= Port] end,
    port_close(Port),
    All.

main() ->
    [{cat, cat()}, {udp, udp()}, {profile, profile()}].
