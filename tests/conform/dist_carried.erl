%% Between two nodes: terms of all kinds and sizes, many atoms, senders at once, texts of identifiers, who is told of nodes and why they go.
-module(dist_carried).
-export([main/0, first/2, echo/0]).

%% The nodes are others than the one that runs the cases, which has no name.
main() ->
    {_, Binary, File} = code:get_object_code(?MODULE),
    {ok, First, _} = peer:start_link(#{connection => standard_io, name => peer:random_name()}),
    {module, ?MODULE} = peer:call(First, code, load_binary, [?MODULE, File, Binary]),
    Answer = peer:call(First, ?MODULE, first, [File, Binary], 60000),
    peer:stop(First),
    Answer.

first(File, Binary) ->
    {ok, Peer, N} = peer:start(#{connection => standard_io, name => peer:random_name()}),
    Listeners = [listener(O) || O <- [[], [nodedown_reason], [{node_type, all}], #{}, [nodedown_reason, {node_type, visible}], [{node_type, hidden}]]],
    pong = net_adm:ping(N),
    {module, ?MODULE} = erpc:call(N, code, load_binary, [?MODULE, File, Binary]),
    Echo = spawn(N, ?MODULE, echo, []),
    Atoms = fun(L) -> [list_to_atom("carried_" ++ integer_to_list(I)) || I <- L] end,
    Terms = [self(), make_ref(), hd(erlang:ports()), fun lists:map/2, -1.5, 1 bsl 100, <<5:3>>, #{a => 1, [b] => {c}}, list_to_atom(lists:duplicate(255, $x)),
             list_to_atom(lists:duplicate(255, 16#1F600)), Atoms(lists:seq(1, 400)), Atoms(lists:seq(3000, 1, -7)), binary:copy(<<"abc">>, 1000000),
             lists:seq(1, 100000), binary:copy(<<"z">>, 65536), {binary:copy(<<"z">>, 131000), foo}, list_to_tuple(lists:seq(1, 70000))],
    Same = lists:usort([back(Echo, T) || T <- Terms, _ <- [1, 2, 3]]),
    Many = [spawn_monitor(fun() ->
                              E = spawn(N, ?MODULE, echo, []),
                              [true = back(E, {Atoms([I * J rem 3000]), binary:copy(<<"k">>, I * J * 20), I}) || J <- lists:seq(1, 100)]
                          end) || I <- lists:seq(1, 10)],
    Ends = lists:usort([receive {'DOWN', M, _, _, R} -> R end || {_, M} <- Many]),
    Ids = [erpc:call(N, erlang, hd, [[X]]) || X <- [Echo, erpc:call(N, erlang, hd, [erpc:call(N, erlang, ports, [])]), erpc:call(N, erlang, make_ref, [])]],
    Texts = [pid_to_list(hd(Ids)), port_to_list(lists:nth(2, Ids)), ref_to_list(lists:nth(3, Ids))],
    Read = fun() -> [failed(fun() -> F(T) end) || {F, T} <- lists:zip([fun list_to_pid/1, fun list_to_port/1, fun list_to_ref/1], Texts)] end,
    Known = Read() =:= Ids,
    M1 = monitor(process, Echo),
    true = erlang:disconnect_node(N),
    Down = receive {'DOWN', M1, process, Echo, R1} -> R1 end,
    Gone = [Reason || {'EXIT', Reason} <- Read()],
    %% It is there again at once, and what was made before is still good.
    Again = back(Echo, again),
    M2 = monitor(process, Echo),
    catch peer:call(Peer, erlang, halt, []),
    Halted = receive {'DOWN', M2, process, Echo, R2} -> R2 end,
    Told = [begin L ! {tell, self()}, receive {L, What} -> What end end || L <- Listeners],
    [{same, Same}, {ends, Ends}, {known, Known}, {down, Down}, {gone, Gone}, {again, Again}, {halted, Halted}, {nodes, nodes()} | Told].

echo() -> receive {From, T} -> From ! {self(), T}, echo() end.

back(Echo, T) ->
    Echo ! {self(), T},
    receive {Echo, Answer} -> Answer =:= T end.

failed(F) ->
    try F() catch error:Reason -> {'EXIT', Reason} end.

listener(Options) ->
    Parent = self(),
    Pid = spawn(fun() -> Parent ! {self(), net_kernel:monitor_nodes(true, Options)}, listen([]) end),
    receive {Pid, ok} -> Pid end.

listen(Heard) ->
    receive
        {tell, From} -> timer:sleep(300), listen(Heard, From);
        Other -> listen([Other | Heard])
    end.
listen(Heard, From) ->
    receive Other -> listen([Other | Heard], From) after 0 -> From ! {self(), [setelement(2, H, node) || H <- lists:reverse(Heard)]} end.
