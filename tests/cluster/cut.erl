%% Two nodes in two network namespaces, of which one may be ferrobeam and the other ERTS: the wire between them is cut and mended.
-module(cut).
-export([main/1, echo/0]).

%% The arguments: the program that the other node runs on, its namespace, its address, our end of the wire.
main([Erl, Space, Address, Wire]) ->
    Ticks = ["-kernel", "logger_level", "none", "net_ticktime", "4", "prevent_overlapping_partitions", "false", "-pa", filename:dirname(code:which(?MODULE))],
    Options = #{connection => standard_io, name => other, host => Address, longnames => true, exec => {os:find_executable("ip"), ["netns", "exec", Space, Erl]}, args => Ticks, wait_boot => 60000},
    {ok, Peer, N} = peer:start(Options),
    persistent_term:put(?MODULE, {Peer, Wire}),
    [row(Name, fun() -> F(N) end) || {Name, F} <- table()],
    catch peer:stop(Peer),
    halt(0).

row(Name, F) ->
    {Pid, M} = spawn_monitor(fun() -> exit({answer, F()}) end),
    Answer = receive {'DOWN', M, process, Pid, {answer, A}} -> A; {'DOWN', M, process, Pid, Reason} -> {crashed, Reason} after 90000 -> stuck end,
    exit(Pid, kill),
    io:format("~ts:~n  ~tp~n", [Name, Answer]).

table() ->
    [{"connected", fun(N) -> {net_adm:ping(N), net_kernel:get_net_ticktime(), there(net_kernel, get_net_ticktime, [])} end},
     {"a short cut", fun short/1}, {"a long cut", fun long/1}, {"meanwhile", fun apart/1}, {"mended", fun mended/1}, {"the other is stopped", fun stopped/1},
     {"dist_auto_connect", fun never/1}, {"ticks while idle", fun idle/1}].

there(M, F, A) -> {Peer, _} = persistent_term:get(?MODULE), peer:call(Peer, M, F, A, 60000).

wire(How) -> {_, Wire} = persistent_term:get(?MODULE), os:cmd("ip link set " ++ Wire ++ " " ++ How).

echo() -> receive {From, T} -> From ! {self(), T}, echo() end.

until(F) -> until(F, 800).
until(_, 0) -> no;
until(F, I) -> case F() of true -> yes; _ -> receive after 25 -> until(F, I - 1) end end.

%% Shorter than anyone notices: nothing is lost.
short(N) ->
    E = spawn(N, ?MODULE, echo, []),
    [] = wire("down"),
    [E ! {self(), I} || I <- lists:seq(1, 1000)],
    A = receive {E, _} -> early after 700 -> quiet end,
    [] = wire("up"),
    {A, [receive {E, X} -> X after 20000 -> nothing end || _ <- lists:seq(1, 1000)] =:= lists:seq(1, 1000), nodes() =:= [N]}.

long(N) ->
    process_flag(trap_exit, true),
    ok = net_kernel:monitor_nodes(true, [nodedown_reason]),
    P = spawn_link(N, timer, sleep, [infinity]),
    M = monitor(process, P),
    M2 = monitor(process, {rex, N}),
    Me = self(),
    there(erlang, apply, [fun() -> spawn(fun() -> register(watcher, self()), monitor_node(node(Me), true), X = monitor(process, Me), receive {'DOWN', X, _, _, R} -> exit(R) end end), ok end, []]),
    T0 = erlang:monotonic_time(millisecond),
    [] = wire("down"),
    R = erpc:send_request(N, erlang, node, []),
    A = [receive {'EXIT', P, X1} -> X1 after 20000 -> nothing end, receive {'DOWN', M, _, P, X2} -> X2 after 20000 -> nothing end, receive {'DOWN', M2, _, _, X3} -> X3 after 20000 -> nothing end,
         try erpc:receive_response(R, 20000) catch C:X4 -> {C, X4} end, receive {nodedown, N, [{nodedown_reason, X5}]} -> X5 after 20000 -> nothing end],
    T = erlang:monotonic_time(millisecond) - T0,
    {A, if T >= 2900, T =< 6500 -> in_time; true -> {after_ms, T} end, nodes(), until(fun() -> there(erlang, nodes, []) =:= [] end), until(fun() -> there(erlang, whereis, [watcher]) =:= undefined end)}.

apart(N) ->
    Mine = spawn(fun() -> receive stop -> ok end end),
    Theirs = there(erlang, spawn, [?MODULE, echo, []]),
    persistent_term:put(holders, {Mine, Theirs}),
    {net_adm:ping(N), catch element(2, rpc:call(N, erlang, node, [])), erlang:send({rex, N}, x, [noconnect]),
     global:register_name(both, Mine), there(global, register_name, [both, Theirs]), global:whereis_name(both) =:= Mine, there(global, whereis_name, [both]) =:= Theirs}.

mended(N) ->
    {Mine, Theirs} = persistent_term:get(holders),
    [] = wire("up"),
    A = until(fun() -> net_adm:ping(N) =:= pong end),
    global:sync(),
    B = until(fun() -> X = global:whereis_name(both), is_pid(X) andalso X =:= there(global, whereis_name, [both]) end),
    {A, B, lists:sort([is_process_alive(Mine), there(erlang, is_process_alive, [Theirs])]), lists:member(global:whereis_name(both), [Mine, Theirs]), nodes() =:= [N]}.

%% No answer although the wire is good; when it goes on it finds out and comes back.
stopped(N) ->
    ok = net_kernel:monitor_nodes(true, [nodedown_reason]),
    Pid = there(os, getpid, []),
    P = spawn(N, timer, sleep, [infinity]),
    M = monitor(process, P),
    os:cmd("kill -STOP " ++ Pid),
    A = [receive {nodedown, N, [{nodedown_reason, R}]} -> R after 20000 -> nothing end, receive {'DOWN', M, _, P, R2} -> R2 after 20000 -> nothing end],
    os:cmd("kill -CONT " ++ Pid),
    {A, until(fun() -> there(erlang, nodes, []) =:= [] end), net_adm:ping(N), nodes() =:= [N]}.

never(N) ->
    ok = application:set_env(kernel, dist_auto_connect, once),
    true = erlang:disconnect_node(N),
    A = [until(fun() -> nodes() =:= [] end), until(fun() -> there(erlang, nodes, []) =:= [] end)],
    M = monitor(process, {rex, N}),
    B = receive {'DOWN', M, _, _, R} -> R after 10000 -> nothing end,
    ok = application:set_env(kernel, dist_auto_connect, never),
    C = spawn_monitor(N, erlang, self, []),
    D = receive {'DOWN', _, _, X, R2} when X =:= element(1, C) -> R2 after 10000 -> nothing end,
    E = there(net_adm, ping, [node()]),
    ok = application:unset_env(kernel, dist_auto_connect),
    {A, B, D, E, net_kernel:connect_node(N), nodes() =:= [N]}.

%% Nobody says anything for more than the tick time.
idle(N) ->
    ok = net_kernel:monitor_nodes(true),
    {receive {nodedown, N} -> down after 9000 -> up end, nodes() =:= [N]}.
