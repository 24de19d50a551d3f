%% Two nodes of the same kind: messages, links, monitors, processes, names, calls, and the end of one of them.
-module(dist_two_nodes).
-export([main/0, first/2]).

%% The nodes are others than the one that runs the cases, which has no name.
main() ->
    {_, Binary, File} = code:get_object_code(?MODULE),
    {ok, First, _} = peer:start_link(#{connection => standard_io, name => peer:random_name()}),
    Load = fun(Call) -> {module, ?MODULE} = Call(code, load_binary, [?MODULE, File, Binary]) end,
    Load(fun(M, F, A) -> peer:call(First, M, F, A) end),
    Answer = peer:call(First, ?MODULE, first, [File, Binary], 20000),
    peer:stop(First),
    Answer.

first(File, Binary) ->
    {ok, Peer, N} = peer:start(#{name => peer:random_name()}),
    {module, ?MODULE} = erpc:call(N, code, load_binary, [?MODULE, File, Binary]),
    put(answers, []),
    note(nodes, nodes() =:= [N]),
    note(calls, {rpc:call(N, erlang, node, []) =:= N, erpc:call(N, lists, seq, [1, 3])}),
    note(error, failed(fun() -> erpc:call(N, erlang, atom_to_list, [1]) end)),
    Self = self(),
    process_flag(trap_exit, true),
    Pid = spawn_link(N, fun() -> receive {F, X} -> F ! {self(), X, node() =:= node(F)} end, receive stop -> exit(bye) end end),
    Ref = make_ref(),
    Pid ! {Self, [Ref, #{a => 1.5, b => <<"b">>}, 1 bsl 70, fun lists:map/2]},
    receive {Pid, [Ref | Rest], Same} -> note(message, {Rest, Same}) end,
    M = monitor(process, Pid),
    Pid ! stop,
    note(exit, receive {'EXIT', Pid, R1} -> R1 end),
    note(down, receive {'DOWN', M, process, Pid, R2} -> R2 end),
    M2 = monitor(process, {nobody, N}),
    note(named, receive {'DOWN', M2, process, {nobody, N}, R3} -> R3 end),
    {P3, M3} = spawn_monitor(N, fun() -> exit(soon) end),
    note(spawned, receive {'DOWN', M3, process, P3, R4} -> R4 end),
    Request = spawn_request(N, erlang, self, [], [{reply_tag, tag}, monitor]),
    note(request, receive {tag, Request, ok, P4} -> node(P4) =:= N end),
    receive {'DOWN', Request, process, _, normal} -> ok end,
    Alias = alias([reply]),
    spawn(N, fun() -> Alias ! first, Alias ! second, Self ! done end),
    note(alias, [receive X -> X end || _ <- [1, 2]]),
    note(leader, rpc:call(N, erlang, group_leader, []) =:= group_leader()),
    note(large, erpc:call(N, erlang, byte_size, [binary:copy(<<"x">>, 3000000)])),
    Wait = spawn_link(N, fun() -> receive after infinity -> ok end end),
    M5 = monitor(process, Wait),
    ok = net_kernel:monitor_nodes(true),
    monitor_node(N, true),
    peer:stop(Peer),
    note(end_of_node, {receive {'EXIT', Wait, R5} -> R5 end, receive {'DOWN', M5, _, _, R6} -> R6 end, [receive {nodedown, N} -> down end || _ <- [1, 2]]}),
    note(after_it, {nodes(), failed(fun() -> erpc:call(N, erlang, node, []) end)}),
    lists:reverse(get(answers)).

note(What, Value) -> put(answers, [{What, Value} | get(answers)]).

failed(F) ->
    try F() catch Class:Reason -> {Class, element(1, Reason), element(2, Reason)} end.
