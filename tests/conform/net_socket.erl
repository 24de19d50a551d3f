%% Module socket over the loopback interface. (timing)
-module(net_socket).
-export([main/0]).

main() ->
    [{stream, stream()}, {select, select()}, {queues, queues()}, {datagram, datagram()}, {options, options()}, {closing, closing()},
     {owner, owner()}, {errors, errors()}, {names, names()}, {file, file()}, {backend, backend()}].

any() -> #{family => inet, addr => loopback, port => 0}.

pair() ->
    {ok, L} = socket:open(inet, stream, tcp),
    ok = socket:bind(L, any()),
    ok = socket:listen(L),
    {ok, A} = socket:sockname(L),
    {ok, C} = socket:open(inet, stream),
    ok = socket:connect(C, A, 1000),
    {ok, S} = socket:accept(L, 1000),
    ok = socket:close(L),
    {C, S}.

stream() ->
    {C, S} = pair(),
    ok = socket:send(C, ["hello ", <<"world">>]),
    A = socket:recv(S, 5),
    B = socket:recv(S, 0, 1000),
    T = socket:recv(S, 0, 0),
    ok = socket:send(C, "abc"),
    P = socket:recv(S, 3, 1000),
    ok = socket:shutdown(C, write),
    {A, B, T, P, socket:recv(S), socket:send(C, "x"), socket:peername(S) =:= socket:sockname(C)}.

select() ->
    {C, S} = pair(),
    {select, Info} = socket:recv(S, 0, nowait),
    {select_info, recv, Ref} = Info,
    ok = socket:send(C, "x"),
    M = receive {'$socket', S, select, Ref} -> told after 1000 -> none end,
    A = socket:recv(S, 0, nowait),
    {select, Info2} = socket:recv(S, 0, nowait),
    {M, A, socket:cancel(S, Info2), element(1, socket:cancel(S, Info2))}.

queues() ->
    {C, S} = pair(),
    Me = self(),
    Pids = [begin
                P = spawn_link(fun() -> Me ! {self(), socket:recv(S, 1)} end),
                timer:sleep(10),
                P
            end || _ <- [1, 2, 3]],
    #{num_readers := N} = socket:info(S),
    [begin ok = socket:send(C, [X]), timer:sleep(10) end || X <- [$a, $b, $c]],
    {N, [receive {P, R} -> R after 1000 -> none end || P <- Pids]}.

datagram() ->
    {ok, A} = socket:open(inet, dgram, udp),
    ok = socket:bind(A, any()),
    {ok, At} = socket:sockname(A),
    {ok, B} = socket:open(inet, dgram, udp),
    ok = socket:setopt(A, {ip, recvttl}, true),
    ok = socket:setopt(B, {ip, ttl}, 12),
    ok = socket:sendto(B, "one", At),
    {ok, {#{family := inet, addr := {127,0,0,1}}, D}} = socket:recvfrom(A, 0, 1000),
    ok = socket:sendmsg(B, #{addr => At, iov => [<<"tw">>, <<"o">>], ctrl => [#{level => ip, type => ttl, data => <<34:32/native>>}]}),
    {ok, #{iov := V, ctrl := Ctrl, flags := Flags}} = socket:recvmsg(A, 0, 0, [], 1000),
    ok = socket:connect(B, At),
    ok = socket:send(B, "three"),
    {D, V, [{L, T, Data} || #{level := L, type := T, data := Data} <- Ctrl], Flags, socket:recv(A, 2), socket:recvfrom(A, 0, 10)}.

options() ->
    {ok, S} = socket:open(inet, stream, tcp),
    ok = socket:setopt(S, {socket, reuseaddr}, true),
    ok = socket:setopt(S, {tcp, nodelay}, true),
    ok = socket:setopt(S, {socket, linger}, #{onoff => true, linger => 5}),
    ok = socket:setopt(S, {otp, rcvbuf}, 1234),
    {[socket:getopt(S, O) || O <- [{socket, reuseaddr}, {socket, type}, {socket, domain}, {socket, protocol}, {socket, linger}, {tcp, nodelay},
                                   {ip, ttl}, {ip, mtu_discover}, {otp, rcvbuf}, {otp, domain}, {otp, meta}, {socket, acceptconn}]],
     socket:setopt(S, {socket, reuseaddr}, 17), catch socket:setopt(S, {no, such}, 1), socket:getopt(S, {ip, add_membership}),
     socket:setopt(S, {socket, type}, stream), socket:getopt_native(S, {socket, reuseaddr}, integer),
     socket:getopt_native(S, {6, 1}, boolean), socket:setopt_native(S, {6, 1}, <<0:32>>), socket:getopt(S, {tcp, nodelay}),
     socket:is_supported(options, socket, linger), socket:is_supported(options, ip, sendsrcaddr), socket:is_supported(protocols, tcp)}.

closing() ->
    {C, S} = pair(),
    Me = self(),
    spawn_link(fun() -> Me ! {waiting, socket:recv(S)} end),
    timer:sleep(20),
    ok = socket:close(S),
    W = receive {waiting, R} -> R after 1000 -> none end,
    {W, socket:recv(S), socket:close(S), catch socket:send(S, "x"), socket:recv(C), socket:sockname(S), socket:getopt(S, {otp, domain})}.

owner() ->
    {C, S} = pair(),
    Pid = spawn(fun() -> receive stop -> ok end end),
    ok = socket:setopt(S, {otp, controlling_process}, Pid),
    A = socket:setopt(S, {otp, controlling_process}, self()),
    {ok, Pid} = socket:getopt(S, {otp, controlling_process}),
    Pid ! stop,
    {A, socket:recv(C, 0, 1000), begin timer:sleep(20), socket:recv(S, 0, 10) end}.

errors() ->
    {ok, S} = socket:open(inet, stream),
    {socket:listen(S, -1) =/= foo, socket:recv(S, 0, 10), socket:send(S, "x"), socket:accept(S, 10), socket:peername(S),
     catch socket:open(foo, stream), catch socket:open(inet, foo), element(1, socket:bind(S, #{family => inet, port => 1, addr => foo})),
     socket:connect(S, #{family => inet, addr => loopback, port => 1}), element(1, catch socket:recv(make_ref())), element(1, catch socket:close(foo))}.

names() ->
    {ok, [#{family := inet, addr := A} | _]} = net:getaddrinfo("127.0.0.1", "80"),
    {A, net:getnameinfo(#{family => inet, addr => {127,0,0,1}, port => 80}, [numerichost, numericserv]), net:if_name2index("lo"),
     net:if_index2name(1), net:if_name2index("nosuch"), net:gethostname() =:= inet:gethostname(), element(1, net:getifaddrs()),
     net:getaddrinfo("no.such.host.invalid.")}.

file() ->
    Name = "/tmp/net_socket_" ++ os:getpid() ++ integer_to_list(erlang:unique_integer([positive])),
    Data = binary:copy(<<"0123456789">>, 20000),
    ok = file:write_file(Name, Data),
    {C, S} = pair(),
    {ok, F} = file:open(Name, [raw, read, binary]),
    Me = self(),
    spawn_link(fun() -> Me ! {read, socket:recv(S, byte_size(Data))} end),
    R = socket:sendfile(C, F, 0, 0),
    Same = receive {read, {ok, D}} -> D =:= Data after 3000 -> none end,
    {ok, L} = gen_tcp:listen(0, [binary, {active, false}]),
    {ok, P} = inet:port(L),
    spawn_link(fun() -> {ok, T} = gen_tcp:accept(L), Me ! {read, gen_tcp:recv(T, byte_size(Data) - 5)} end),
    {ok, G} = gen_tcp:connect({127,0,0,1}, P, []),
    R2 = file:sendfile(F, G, 5, 0, []),
    Same2 = receive {read, {ok, D2}} -> D2 =:= binary:part(Data, 5, byte_size(Data) - 5) after 3000 -> none end,
    ok = file:delete(Name),
    {R, Same, R2, Same2}.

backend() ->
    {ok, L} = gen_tcp:listen(0, [{inet_backend, socket}, binary, {packet, 2}, {active, false}, {ip, {127,0,0,1}}]),
    {ok, P} = inet:port(L),
    Me = self(),
    spawn_link(fun() -> {ok, S} = gen_tcp:accept(L), {ok, B} = gen_tcp:recv(S, 0), ok = gen_tcp:send(S, [B, B]), receive done -> Me ! S end end),
    {ok, C} = gen_tcp:connect({127,0,0,1}, P, [{inet_backend, socket}, binary, {packet, 2}, {active, true}]),
    ok = gen_tcp:send(C, "ab"),
    receive {tcp, C, X} -> X after 2000 -> none end.
