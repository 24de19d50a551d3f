%% What prim_socket counts of all sockets and which switches it keeps; a stream's receive over several buffers.
-module(socket_totals).
-export([main/0]).
counts() -> maps:filter(fun(K, V) -> V > 0 andalso K =/= num_cnt_bits end, maps:get(counters, socket:info())).
switches() -> maps:with([debug, socket_debug], socket:info()).
len(B) when is_binary(B) -> byte_size(B);
len(T) when is_tuple(T) -> list_to_tuple([len(E) || E <- tuple_to_list(T)]);
len(T) -> T.
pair() ->
    {ok, L} = socket:open(inet, stream, tcp),
    ok = socket:bind(L, #{family => inet, addr => loopback, port => 0}), ok = socket:listen(L),
    {ok, #{port := Port}} = socket:sockname(L),
    {ok, C} = socket:open(inet, stream, tcp), ok = socket:connect(C, #{family => inet, addr => loopback, port => Port}),
    {ok, S} = socket:accept(L),
    {L, C, S}.
main() ->
    {L, C, S} = pair(), Three = counts(),
    ok = socket:close(S), Two = counts(),
    ok = socket:close(C), ok = socket:close(L), None = counts(),
    {ok, U} = socket:open(inet6, dgram, udp), One = counts(), ok = socket:close(U),
    {_, Ref} = spawn_monitor(fun() -> {ok, _} = socket:open(inet, dgram, udp), exit(counts()) end),
    Owned = receive {'DOWN', Ref, _, _, X} -> X end,
    gone(50),
    [Three, Two, None, One, Owned, counts(), protocols(), sizes(), [received(Cl, V, N) || Cl <- [false, true], {V, N} <- [{{7, 1024}, 2048}, {{7, 1024}, 1500}, {{2, 1024}, 4096}, {1024, 2048}]]].
gone(0) -> still_there;
gone(N) -> case counts() of E when E =:= #{} -> ok; _ -> timer:sleep(20), gone(N - 1) end.
protocols() -> [begin {ok, S} = socket:open(D, T), R = socket:getopt(S, socket, protocol), socket:close(S), {D, T, R} end || {D, T} <- [{local, stream}, {local, seqpacket}, {inet, stream}, {inet6, dgram}]].
sizes() ->
    {ok, S} = socket:open(inet, stream, tcp),
    R = [{V, socket:setopt(S, otp, rcvbuf, V), socket:getopt(S, otp, rcvbuf)} || V <- [{3, 1024}, 1024, default, {0, 10}, {1, 100}, {3, 0}, -1, {a, b}, {-1, 10}]],
    socket:close(S), R.
received(Closed, Size, Sent) ->
    {L, C, {'$socket', R} = S} = pair(),
    ok = socket:send(C, binary:copy(<<7>>, Sent)), timer:sleep(20),
    Closed andalso begin socket:close(C), timer:sleep(20) end,
    ok = socket:setopt(S, otp, rcvbuf, Size),
    Got = [len(prim_socket:recv(R, 0, [], make_ref())) || _ <- [1, 2, 3, 4]],
    Counters = maps:with([read_pkg, read_byte, read_tries, read_pkg_max], maps:get(counters, socket:info(S))),
    [socket:close(X) || X <- [L, S] ++ [C || not Closed]],
    {Size, Sent, Got, Counters}.
