%% Two nodes, of which one may be ferrobeam and the other ERTS: a table of what nodes do with each other, run by one of them.
-module(mixed).
-export([main/1, echo/0, server/1, leaves/1, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-behaviour(gen_server).

%% The arguments: the programs that the other node and this one run on.
main([Erl, Own]) ->
    io:setopts([{encoding, unicode}]),
    Options = #{connection => standard_io, name => peer:random_name(other), exec => {Erl, []}, args => ["-kernel", "logger_level", "none", "-pa", filename:dirname(code:which(?MODULE))], wait_boot => 60000},
    {ok, Peer, N} = peer:start(Options),
    persistent_term:put(?MODULE, {Peer, Own}),
    [row(Name, fun() -> F(N) end) || {Name, F} <- table()],
    catch peer:stop(Peer),
    halt(0).

row(Name, F) ->
    {Pid, M} = spawn_monitor(fun() -> put(row, Name), exit({answer, F()}) end),
    Answer = receive {'DOWN', M, process, Pid, {answer, A}} -> A; {'DOWN', M, process, Pid, Reason} -> {crashed, Reason}
             after 60000 -> {stuck, erlang:process_info(Pid, current_stacktrace)} end,
    exit(Pid, kill),
    io:format("~ts:~n  ~tp~n", [Name, Answer]).

table() ->
    [{"connected", fun(N) -> {net_adm:ping(N), nodes() =:= [N], erpc:call(N, erlang, nodes, []) =:= [node()]} end},
     {"send by pid", fun by_pid/1}, {"send by name", fun by_name/1}, {"terms", fun terms/1}, {"order", fun order/1},
     {"link", fun links/1}, {"link to the dead", fun dead/1}, {"unlink", fun unlinked/1}, {"exit reasons", fun reasons/1}, {"exit/2", fun exits/1},
     {"monitor", fun monitors/1}, {"monitor by name", fun named/1}, {"demonitor", fun demonitored/1},
     {"spawn", fun spawns/1}, {"spawn_request", fun requests/1}, {"big binary", fun big/1}, {"parts of binaries", fun parts/1},
     {"alias", fun aliases/1}, {"group leader", fun leader/1}, {"input", fun input/1}, {"rpc", fun rpcs/1}, {"erpc", fun erpcs/1}, {"multicall", fun multi/1},
     {"global", fun globals/1}, {"global lock", fun locks/1}, {"name conflict after a split", fun conflict/1}, {"pg", fun groups/1},
     {"gen_server", fun servers/1}, {"remote badarg", fun refused/1}, {"processes of the other", fun about/1}, {"identifiers as text", fun texts/1},
     {"sequential trace", fun tokens/1}, {"tracing over nodes", fun traced/1}, {"many senders", fun many/1}, {"big terms both ways", fun both/1}, {"busy", fun busy/1},
     {"mnesia", fun mnesia/1}, {"disconnected", fun disconnected/1}, {"hidden", fun hidden/1}, {"end of the node", fun ends/1}].

echo() -> receive {From, T} -> From ! {self(), T}, echo(); stop -> ok end.

other(N) -> spawn(N, ?MODULE, echo, []).

back(E, T) -> E ! {self(), T}, receive {E, Answer} -> Answer after 30000 -> lost end.

wait() -> receive X -> X after 10000 -> nothing end.

failed(F) -> try F() catch C:R -> {C, R} end.

by_pid(N) -> E = other(N), [node(E) =:= N, back(E, hello), back(E, self()) =:= self(), back(E, E) =:= E].

by_name(N) ->
    true = register(here, self()),
    ok = erpc:call(N, fun() -> register(there, spawn(?MODULE, echo, [])), ok end),
    {there, N} ! {{here, node()}, one},
    {nobody, N} ! lost,
    Answer = receive {P, one} when node(P) =:= N -> one after 10000 -> nothing end,
    {there, N} ! stop,
    [Answer, erlang:send({nobody, N}, x, [noconnect]), erlang:send({nobody, 'no@where'}, x, [noconnect]), erlang:send({nobody, N}, x, [nosuspend])].

terms(N) ->
    E = other(N),
    Local = fun(X) -> {X, N} end,
    Ts = [0, -1, 1 bsl 27, -(1 bsl 27) - 1, 1 bsl 59, -(1 bsl 60), 1 bsl 64, -(1 bsl 2100), 0.0, -0.0, 1.5e300, a, 'ö☃', '', [], [a | b], "text", [1000], <<>>, <<1:1>>, <<"ab", 5:7>>, {}, {a, {b}},
          #{}, maps:from_list([{I, I} || I <- lists:seq(1, 100)]), make_ref(), self(), hd(erlang:ports()), fun lists:map/2, fun ?MODULE:echo/0, Local, list_to_tuple(lists:seq(1, 300)),
          lists:seq(1, 70000), binary:copy(<<"q">>, 64), binary:copy(<<"q">>, 65), lists:duplicate(300, x), alias(), erlang:make_ref(), 'Elixir.A', <<0:65535>>, [<<1:3>> | <<2:3>>]],
    {lists:usort([back(E, T) =:= T || T <- Ts]), back(E, Ts) =:= Ts, (back(E, Local))(1) =:= {1, N}, erpc:call(N, fun() -> Local(2) end) =:= {2, N},
     lists:usort([erpc:call(N, erlang, phash2, [T]) =:= erlang:phash2(T) || T <- Ts -- [Local]]), lists:usort([erpc:call(N, erlang, external_size, [T]) =:= erlang:external_size(T) || T <- Ts -- [Local]])}.

order(N) ->
    E = other(N),
    [E ! {self(), I} || I <- lists:seq(1, 20000)],
    [receive {E, X} -> X end || _ <- lists:seq(1, 20000)] =:= lists:seq(1, 20000).

leaves(R) -> receive go -> exit(R) end.

links(N) ->
    process_flag(trap_exit, true),
    P = spawn_link(N, ?MODULE, leaves, [bye]),
    Q = spawn(N, ?MODULE, leaves, [late]),
    Linked = [link(Q), link(Q)],
    [X ! go || X <- [P, Q]],
    A = [receive {'EXIT', X, R} -> R after 10000 -> nothing end || X <- [P, Q]],
    Me = self(),
    %% A local end is heard over there.
    Far = spawn(N, fun() -> process_flag(trap_exit, true), Me ! {ready, self()}, receive {'EXIT', F, R} -> Me ! {heard, node(F) =:= node(Me), R} after 10000 -> Me ! nothing end end),
    receive {ready, Far} -> ok end,
    Near = spawn(fun() -> link(Far), Me ! linked, receive after 100 -> exit({oops, [1]}) end end),
    receive linked -> ok end,
    {Linked, A, wait(), is_process_alive(Near)}.

dead(N) ->
    process_flag(trap_exit, true),
    P = erpc:call(N, fun() -> {X, M} = spawn_monitor(fun() -> ok end), receive {'DOWN', M, _, _, _} -> X end end),
    {link(P), receive {'EXIT', P, R} -> R after 10000 -> nothing end, unlink(P), exit(P, kill)}.

unlinked(N) ->
    process_flag(trap_exit, true),
    P = spawn_link(N, ?MODULE, leaves, [bye]),
    unlink(P),
    M = monitor(process, P),
    P ! go,
    [receive {'DOWN', M, process, P, R} -> R after 10000 -> nothing end, receive {'EXIT', P, _} -> exit_heard after 200 -> quiet end].

reasons(N) ->
    process_flag(trap_exit, true),
    Rs = [normal, kill, killed, shutdown, {shutdown, x}, noconnection, noproc, {badarg, [{m, f, 1, []}]}, lists:seq(1, 5000), binary:copy(<<"r">>, 100000), #{a => make_fun}],
    [begin {P, M} = spawn_opt(N, ?MODULE, leaves, [R], [monitor, link]), P ! go,
           X = receive {'DOWN', M, _, _, R1} -> R1 after 10000 -> nothing end, Y = receive {'EXIT', P, R2} -> R2 after 10000 -> nothing end, {X =:= R, Y =:= R} end || R <- Rs]
        ++ [begin {P, M} = spawn_monitor(N, F), receive {'DOWN', M, _, P, {R, S}} -> {R, element(1, hd(S))} after 10000 -> nothing end end
            || F <- [fun() -> erlang:error(bad) end, fun() -> throw(ball) end]].

exits(N) ->
    Me = self(),
    [begin
         {P, M} = spawn_monitor(N, fun() -> process_flag(trap_exit, Trap), Me ! {set, self()}, receive {'EXIT', F, X} when is_pid(F) -> exit({trapped, X}) after 1000 -> exit(quiet) end end),
         receive {set, P} -> ok end,
         true = exit(P, R),
         receive {'DOWN', M, _, _, Y} -> {Trap, R, Y} after 10000 -> nothing end
     end || Trap <- [false, true], R <- [normal, kill, {other, 1}]].

monitors(N) ->
    {P, M} = spawn_monitor(N, ?MODULE, leaves, [one]),
    M2 = monitor(process, P),
    M3 = monitor(process, P, [{tag, {my, tag}}]),
    P ! go,
    A = [receive {T, R, process, P, X} when R =:= Ref -> {T, X} after 10000 -> nothing end || Ref <- [M, M2, M3], T <- [if Ref =:= M3 -> {my, tag}; true -> 'DOWN' end]],
    M4 = monitor(process, P),
    {A, receive {'DOWN', M4, process, P, X} -> X after 10000 -> nothing end}.

named(N) ->
    Me = self(),
    spawn(N, fun() -> register(short, self()), Me ! ready, leaves(done) end),
    ready = wait(),
    M = monitor(process, {short, N}),
    {short, N} ! go,
    A = receive {'DOWN', M, process, {short, Node}, R} when Node =:= N -> R after 10000 -> nothing end,
    M2 = monitor(process, {short, N}),
    {A, receive {'DOWN', M2, process, {short, N}, R2} -> R2 after 10000 -> nothing end}.

demonitored(N) ->
    P = spawn(N, ?MODULE, leaves, [x]),
    M = monitor(process, P),
    M2 = monitor(process, P),
    true = demonitor(M, [flush]),
    Info = demonitor(M2, [info]),
    P ! go,
    {Info, demonitor(M2, [info]), receive {'DOWN', _, _, _, _} -> heard after 200 -> quiet end}.

spawns(N) ->
    process_flag(trap_exit, true),
    P = spawn(N, erlang, no_such_function, [1]),
    M = monitor(process, P),
    A = receive {'DOWN', M, _, _, R} -> case R of noproc -> undef; {undef, _} -> undef; _ -> R end after 10000 -> nothing end,
    {Q, M2} = spawn_opt(N, fun() -> exit(process_info(self(), [priority, trap_exit, min_heap_size])) end, [monitor, {priority, low}, {min_heap_size, 1000}]),
    B = receive {'DOWN', M2, _, Q, R2} -> lists:keydelete(min_heap_size, 1, R2) after 10000 -> nothing end,
    C = spawn_link('nowhere@nohost', erlang, self, []),
    {A, B, receive {'EXIT', C, R3} -> R3 after 10000 -> nothing end, failed(fun() -> spawn(N, a, b, c) end), failed(fun() -> spawn_opt(N, a, b, [], [oops]) end)}.

requests(N) ->
    A = spawn_request(N, ?MODULE, leaves, [q], [monitor, link, {reply_tag, t}]),
    process_flag(trap_exit, true),
    P = receive {t, A, ok, P1} -> P1 after 10000 -> nothing end,
    P ! go,
    X = [receive {'DOWN', A, process, P, R} -> R after 10000 -> nothing end, receive {'EXIT', P, R2} -> R2 after 10000 -> nothing end],
    B = spawn_request(N, erlang, self, [], [bad_option]),
    C = spawn_request(N, erlang, self, [], [{reply, no}, monitor]),
    D = spawn_request('nowhere@nohost', erlang, self, []),
    {X, receive {spawn_reply, B, E, W} -> {E, W} after 10000 -> nothing end, receive {'DOWN', C, process, _, R3} -> R3 after 10000 -> nothing end,
     receive {spawn_reply, D, E2, W2} -> {E2, W2} after 10000 -> nothing end, receive Z -> Z after 100 -> no_more end}.

big(N) ->
    E = other(N),
    B = binary:copy(<<"0123456789abcdef">>, 2000000),
    {back(E, B) =:= B, back(E, [B, {B}]) =:= [B, {B}], erpc:call(N, erlang, md5, [B]) =:= erlang:md5(B)}.

parts(N) ->
    E = other(N),
    P = part("<<_:3, P:1000/bitstring, _/bitstring>> = Whole, P.", binary:copy(<<"xyz">>, 1000)),
    Q = part("<<_:10/binary, Q:500000/binary, _/binary>> = Whole, Q.", binary:copy(<<"w">>, 1000000)),
    {back(E, P) =:= P, back(E, Q) =:= Q, back(E, {P, Q, P}) =:= {P, Q, P}}.

%% Evaluated, as what the compiler of one release makes of the matching of bits is not loaded by all others.
part(Text, Whole) ->
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    {value, Part, _} = erl_eval:exprs(Expressions, [{'Whole', Whole}]),
    Part.

aliases(N) ->
    Me = self(),
    A = alias(), B = alias([reply]), C = monitor(process, spawn(N, ?MODULE, leaves, [x]), [{alias, reply_demonitor}]),
    spawn(N, fun() -> [X ! {X, I} || X <- [A, B, C], I <- [1, 2]], Me ! done end),
    First = [receive {A, 1} -> a end, receive {A, 2} -> a end, receive {B, 1} -> b end, receive {C, 1} -> c end, receive done -> done end],
    true = unalias(A),
    spawn(N, fun() -> A ! {A, 3}, Me ! again end),
    {First, wait(), receive X -> X after 100 -> no_more end, erlang:demonitor(C, [info]), unalias(A)}.

%% Output of a process over there whose group leader is here.
leader(N) ->
    Me = self(),
    Device = spawn(fun() -> device(Me, []) end),
    P = spawn(N, fun() -> group_leader(Device, self()), io:format("~ts ~p~n", ["grüße", 1.5]), io:put_chars(<<"bytes">>), Me ! {leader, group_leader() =:= Device} end),
    M = monitor(process, P),
    receive {'DOWN', M, _, _, R} -> Device ! {tell, self()}, {R, wait(), wait()} end.

device(To, Out) ->
    receive
        {io_request, F, R, {put_chars, unicode, C}} -> F ! {io_reply, R, ok}, device(To, [C | Out]);
        {io_request, F, R, {put_chars, unicode, M, Fn, A}} -> F ! {io_reply, R, ok}, device(To, [apply(M, Fn, A) | Out]);
        {io_request, F, R, {get_line, unicode, Prompt}} -> F ! {io_reply, R, "line\n"}, device(To, [{asked, Prompt} | Out]);
        {io_request, F, R, Other} -> F ! {io_reply, R, {error, request}}, device(To, [Other | Out]);
        {tell, Who} -> Who ! [case O of {_, _} -> O; _ when is_atom(O) -> O; _ -> unicode:characters_to_list(O) end || O <- lists:reverse(Out)]
    end.

input(N) ->
    Me = self(),
    Device = spawn(fun() -> device(Me, []) end),
    spawn(N, fun() -> group_leader(Device, self()), Me ! {io:get_line("say: "), io:getopts()} end),
    A = wait(),
    Device ! {tell, self()},
    {A, wait()}.

rpcs(N) ->
    K = rpc:async_call(N, lists, seq, [1, 3]),
    rpc:cast(N, erlang, send, [self(), cast]),
    [rpc:call(N, erlang, node, []) =:= N, element(1, rpc:call(N, erlang, atom_to_list, [1])), rpc:call(N, erlang, throw, [ball]), rpc:call(N, erlang, exit, [out]), rpc:yield(K), wait(),
     rpc:call(N, timer, sleep, [1000], 50), rpc:call('nowhere@nohost', erlang, node, []), rpc:block_call(N, erlang, abs, [-3]), rpc:pmap({erlang, abs}, [], [-1, 2])].

erpcs(N) ->
    Class = fun(F) -> try F() catch C:R:S -> {C, case R of {exception, X, _} -> {exception, X}; _ -> R end, length(S) > 0} end end,
    R = erpc:send_request(N, erlang, abs, [-7]),
    [erpc:call(N, fun() -> X = 1, X + 1 end), Class(fun() -> erpc:call(N, erlang, error, [e]) end), Class(fun() -> erpc:call(N, erlang, throw, [t]) end),
     Class(fun() -> erpc:call(N, erlang, exit, [x]) end), Class(fun() -> erpc:call(N, timer, sleep, [500], 20) end), Class(fun() -> erpc:call(N, no, such, []) end), erpc:receive_response(R),
     Class(fun() -> erpc:call('nowhere@nohost', erlang, node, []) end), erpc:cast(N, erlang, send, [self(), c]), wait()].

multi(N) ->
    {erpc:multicall([node(), N, 'nowhere@nohost'], erlang, abs, [-1]), element(1, rpc:multicall([node(), N], erlang, abs, [-2])), rpc:multicall([N, 'nowhere@nohost'], erlang, abs, [-2]),
     element(1, gen_server:multi_call([node(), N], rex, {call, erlang, node, [], group_leader()})) =:= [{node(), node()}, {N, N}]}.

globals(N) ->
    yes = global:register_name(mine, self()),
    Far = other(N),
    yes = erpc:call(N, global, register_name, [theirs, Far]),
    A = [global:whereis_name(theirs) =:= Far, erpc:call(N, global, whereis_name, [mine]) =:= self(), global:register_name(theirs, self()), erpc:call(N, global, register_name, [mine, Far])],
    global:send(theirs, {self(), g}),
    B = receive {Far, g} -> g after 5000 -> nothing end,
    Far ! stop,
    C = until(fun() -> global:whereis_name(theirs) =:= undefined end),
    global:unregister_name(mine),
    {A, B, C, until(fun() -> erpc:call(N, global, whereis_name, [mine]) =:= undefined end)}.

until(F) -> until(F, 200).
until(_, 0) -> no;
until(F, I) -> case F() of true -> yes; _ -> receive after 25 -> until(F, I - 1) end end.

locks(N) ->
    true = global:set_lock({lock, self()}, [node(), N]),
    Me = self(),
    spawn(N, fun() -> Me ! {first, global:set_lock({lock, self()}, [node(Me), N], 0)}, Me ! {second, global:set_lock({lock, self()}, [node(Me), N])} end),
    A = wait(),
    global:del_lock({lock, self()}, [node(), N]),
    {A, wait(), global:trans({other, self()}, fun() -> in end, [node(), N])}.

%% Each side takes the name while they do not know each other; together again, one holder is left and both agree.
conflict(N) ->
    Peer = get_peer(),
    true = erlang:set_cookie(N, wrong),
    true = erlang:disconnect_node(N),
    peer:call(Peer, erlang, set_cookie, [node(), wrong2]),
    until(fun() -> nodes() =:= [] andalso peer:call(Peer, erlang, nodes, []) =:= [] end),
    Mine = spawn(fun() -> receive stop -> ok end end),
    Theirs = peer:call(Peer, erlang, spawn, [?MODULE, echo, []]),
    {A, B} = {global:register_name(both, Mine), peer:call(Peer, global, register_name, [both, Theirs])},
    C = {global:whereis_name(both) =:= Mine, peer:call(Peer, global, whereis_name, [both]) =:= Theirs},
    [M1, M2] = [monitor(process, Mine), peer:call(Peer, erlang, process_info, [Theirs, status])],
    true = erlang:set_cookie(N, erlang:get_cookie()),
    peer:call(Peer, erlang, set_cookie, [node(), erlang:get_cookie()]),
    D = net_kernel:connect_node(N),
    global:sync(),
    E = until(fun() -> X = global:whereis_name(both), is_pid(X) andalso X =:= peer:call(Peer, global, whereis_name, [both]) end),
    Left = global:whereis_name(both),
    Living = fun() -> [is_process_alive(Mine), peer:call(Peer, erlang, is_process_alive, [Theirs])] end,
    until(fun() -> Living() =/= [true, true] end),
    Alive = Living(),
    Why = receive {'DOWN', M1, _, _, R} -> R after 0 -> kill end,
    {A, B, C, is_tuple(M2), D, E, lists:sort(Alive), lists:member(Left, [Mine, Theirs]), lists:member(Why, [kill, killed])}.

get_peer() -> element(1, persistent_term:get(?MODULE)).

groups(N) ->
    [{ok, _} = erpc:call(X, fun() -> {ok, P} = pg:start(scope), unlink(P), {ok, P} end) || X <- [node(), N]],
    Far = other(N),
    ok = pg:join(scope, g, self()),
    ok = erpc:call(N, pg, join, [scope, g, [Far, Far]]),
    A = until(fun() -> lists:sort(pg:get_members(scope, g)) =:= lists:sort([self(), Far, Far]) end),
    B = until(fun() -> lists:member(self(), erpc:call(N, pg, get_members, [scope, g])) end),
    Far ! stop,
    {A, B, until(fun() -> pg:get_members(scope, g) =:= [self()] end), length(pg:get_local_members(scope, g)), pg:leave(scope, g, self())}.

server(Me) -> gen_server:start({local, counting}, ?MODULE, Me, []).
init(Me) -> {ok, Me}.
handle_call(stop, _, S) -> {stop, bye, stopped, S};
handle_call(slow, _, S) -> receive after 300 -> {reply, late, S} end;
handle_call(crash, _, _) -> error(crash);
handle_call(X, {P, _}, S) -> {reply, {X, node(P) =:= node()}, S}.
handle_cast(X, S) -> S ! {cast, X}, {noreply, S}.
handle_info(X, S) -> S ! {info, X}, {noreply, S}.
terminate(R, S) -> S ! {terminated, R}.

servers(N) ->
    {ok, P} = erpc:call(N, ?MODULE, server, [self()]),
    Server = {counting, N},
    ok = gen_server:cast(Server, c),
    Server ! i,
    A = [gen_server:call(P, one), gen_server:call(Server, two), wait(), wait(), failed(fun() -> gen_server:call(Server, slow, 50) end) =:= {exit, {timeout, {gen_server, call, [Server, slow, 50]}}}],
    R = gen_server:send_request(Server, three),
    M = monitor(process, P),
    B = [gen_server:receive_response(R, 5000), gen_server:call(Server, stop), wait()],
    %% The answer to `stop` comes before its end does.
    receive {'DOWN', M, _, _, _} -> ok end,
    C = [try gen_server:call(X, y) catch exit:{E, {gen_server, call, [W, y]}} -> {E, case W of P -> pid; {Name, _} -> Name end} end || X <- [P, Server, {counting, 'nowhere@nohost'}]],
    {A, B, [case X of {{nodedown, _}, Z} -> {nodedown, Z}; _ -> X end || X <- C]}.

refused(N) ->
    P = other(N),
    Fs = [fun() -> is_process_alive(P) end, fun() -> process_info(P) end, fun() -> register(x, P) end, fun() -> erlang:suspend_process(P) end,
          fun() -> link(oops) end, fun() -> monitor(process, 1) end, fun() -> spawn(1, a, b, []) end, fun() -> erlang:garbage_collect(P) end, fun() -> erlang:trace(P, true, [call]) end, fun() -> monitor_node(1, true) end, fun() -> process_flag(P, save_calls, 1) end],
    [failed(F) || F <- Fs] ++ [group_leader(self(), P), rpc:call(N, erlang, group_leader, []) =:= group_leader()].

about(N) ->
    P = erpc:call(N, erlang, whereis, [init]),
    {node(P) =:= N, P =:= erpc:call(N, erlang, hd, [[P]]), is_pid(P), erlang:phash2(P) =:= erpc:call(N, erlang, phash2, [P]),
     [P < Q || Q <- [a, {}]], is_list(rpc:call(N, erlang, process_info, [P, links])), lists:sort([P, a, 1, "x", {}]) =:= erpc:call(N, lists, sort, [[P, a, 1, "x", {}]])}.

texts(N) ->
    Ids = [other(N), erpc:call(N, erlang, make_ref, []), hd(erpc:call(N, erlang, ports, []))],
    Read = [fun list_to_pid/1, fun list_to_ref/1, fun list_to_port/1],
    Write = [fun pid_to_list/1, fun ref_to_list/1, fun port_to_list/1],
    [R(W(I)) =:= I || {I, R, W} <- lists:zip3(Ids, Read, Write)] ++ [binary_to_term(term_to_binary(I)) =:= I || I <- Ids] ++ [binary_to_term(erpc:call(N, erlang, term_to_binary, [I])) =:= I || I <- Ids].

tokens(N) ->
    E = spawn(N, fun() -> receive {F, x} -> F ! {seq_trace:get_token(label), seq_trace:get_token(send)} end end),
    seq_trace:set_token(label, 17),
    seq_trace:set_token(send, true),
    E ! {self(), x},
    A = wait(),
    B = seq_trace:get_token(label),
    seq_trace:set_token([]),
    {A, B}.

traced(N) ->
    Me = self(),
    P = erpc:call(N, fun() -> spawn(fun() -> receive go -> lists:reverse([1]), Me ! went end end) end),
    {ok, _} = dbg:tracer(process, {fun({trace, W, What, _}, S) -> Me ! {trace, node(W) =:= N, What}, S; (_, S) -> S end, ok}),
    {ok, N} = dbg:n(N),
    {ok, _} = dbg:p(P, ['receive']),
    P ! go,
    A = receive {trace, T, W} -> {T, W} after 5000 -> nothing end,
    dbg:stop(),
    {A, receive went -> went after 5000 -> nothing end}.

many(N) ->
    Workers = [spawn_monitor(fun() -> E = other(N), [T = back(E, T) || J <- lists:seq(1, 200), T <- [{I, J, binary:copy(<<"k">>, J * I rem 700), list_to_atom("m" ++ integer_to_list(J))}]] end) || I <- lists:seq(1, 50)],
    lists:usort([receive {'DOWN', M, _, _, R} -> R end || {_, M} <- Workers]).

both(N) ->
    T = [{I, integer_to_binary(I), #{k => I}} || I <- lists:seq(1, 100000)],
    Es = [other(N) || _ <- [1, 2, 3]],
    [E ! {self(), T} || E <- Es],
    [receive {E, T} -> same; {E, _} -> other after 30000 -> nothing end || E <- Es].

%% More than the channel holds: senders wait, nothing is lost.
busy(N) ->
    Sink = spawn(N, fun Loop() -> receive {F, count} -> F ! {counted, sum(0, 0)}; slow -> receive after 300 -> Loop() end end end),
    Sink ! slow,
    B = binary:copy(<<"z">>, 1000000),
    [Sink ! {part, B} || _ <- lists:seq(1, 100)],
    Sink ! {self(), count},
    wait().

sum(K, S) -> receive {part, B} -> sum(K + 1, S + byte_size(B)) after 0 -> {K, S} end.

mnesia(N) ->
    Dir = fun() -> D = filename:join("/tmp", "mixed." ++ os:getpid()), application:set_env(mnesia, dir, D), D end,
    Dirs = [erpc:call(X, Dir) || X <- [node(), N]],
    ok = mnesia:create_schema([node(), N]),
    [ok = erpc:call(X, mnesia, start, []) || X <- [node(), N]],
    {atomic, ok} = mnesia:create_table(shared, [{disc_copies, [node()]}, {ram_copies, [N]}]),
    {atomic, ok} = mnesia:transaction(fun() -> [mnesia:write({shared, I, I * I}) || I <- lists:seq(1, 100)], ok end),
    Read = fun(X, Key) -> erpc:call(X, fun() -> {atomic, R} = mnesia:transaction(fun() -> mnesia:read(shared, Key, write) end), R end) end,
    A = Read(N, 9),
    Add = fun() -> [{shared, 1, X}] = mnesia:wread({shared, 1}), mnesia:write({shared, 1, X + 1}) end,
    Ws = [erpc:send_request(X, fun() -> [{atomic, ok} = mnesia:transaction(Add) || _ <- lists:seq(1, 50)], ok end) || X <- [node(), N, node(), N]],
    B = [erpc:receive_response(W) || W <- Ws],
    C = [Read(X, 1) || X <- [node(), N]],
    stopped = erpc:call(N, mnesia, stop, []),
    {atomic, ok} = mnesia:transaction(fun() -> mnesia:write({shared, late, 1}) end),
    ok = erpc:call(N, mnesia, start, []),
    ok = erpc:call(N, mnesia, wait_for_tables, [[shared], 10000]),
    D = Read(N, late),
    [erpc:call(X, mnesia, stop, []) || X <- [N, node()]],
    [os:cmd("rm -r " ++ X) || X <- Dirs],
    {A, B, C, D}.

disconnected(N) ->
    ok = net_kernel:monitor_nodes(true, [nodedown_reason]),
    M = monitor(process, {rex, N}),
    A = net_kernel:disconnect(N),
    B = receive {nodedown, N, [{nodedown_reason, R}]} -> R after 10000 -> nothing end,
    C = receive {'DOWN', M, _, _, R2} -> R2 after 10000 -> nothing end,
    Peer = get_peer(),
    until(fun() -> peer:call(Peer, erlang, nodes, []) =:= [] end),
    {A, B, C, nodes(), peer:call(Peer, net_adm, ping, [node()]), nodes() =:= [N]}.

hidden(N) ->
    {_, Own} = persistent_term:get(?MODULE),
    {ok, P, H} = peer:start(#{connection => standard_io, name => peer:random_name(hidden), exec => {Own, []}, args => ["-hidden"]}),
    pong = peer:call(P, net_adm, ping, [N]),
    A = {erpc:call(N, erlang, nodes, [hidden]) =:= [H], erpc:call(N, erlang, nodes, []) =:= [node()], lists:sort(peer:call(P, erlang, nodes, [connected])) =:= [N], nodes(hidden)},
    peer:stop(P),
    {A, until(fun() -> erpc:call(N, erlang, nodes, [hidden]) =:= [] end)}.

ends(N) ->
    process_flag(trap_exit, true),
    ok = net_kernel:monitor_nodes(true, [nodedown_reason]),
    monitor_node(N, true),
    P = spawn_link(N, timer, sleep, [infinity]),
    M = monitor(process, P),
    M2 = monitor(process, {rex, N}),
    R = erpc:send_request(N, timer, sleep, [infinity]),
    erpc:cast(N, erlang, halt, [0, [{flush, false}]]),
    A = [receive {'EXIT', P, X} -> X after 10000 -> nothing end, receive {'DOWN', M, _, P, X2} -> X2 after 10000 -> nothing end, receive {'DOWN', M2, _, {rex, _}, X3} -> X3 after 10000 -> nothing end,
         failed(fun() -> erpc:receive_response(R, 10000) end), receive {nodedown, N} -> nodedown after 10000 -> nothing end, receive {nodedown, N, [{nodedown_reason, X4}]} -> X4 after 10000 -> nothing end],
    {A, nodes(), net_adm:ping(N), failed(fun() -> gen_server:call({rex, N}, x) =:= 1 end) =:= {exit, {{nodedown, N}, {gen_server, call, [{rex, N}, x]}}}}.
